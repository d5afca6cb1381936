"""JSON: one object, name to value, all values text."""

import json


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.json": json.dumps(dict(view.variables), indent=2) + "\n"}
