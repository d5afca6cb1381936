"""JSON: one object, name to value, all values text."""

import json


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.json": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """Return an object in the variables' order, two spaces deep."""
    return json.dumps(dict(variables), indent=2) + "\n"
