"""JSON: one object, name to value, all values text."""

import json


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def render(variables: "Mapping[str, str]") -> str:
    """Return an object in the variables' order, two spaces deep."""
    return json.dumps(dict(variables), indent=2) + "\n"
