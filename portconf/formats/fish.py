"""The fish shell: `set -gx NAME 'VALUE'`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.fish": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """Return one `set` a line; in single quotes fish reads only backslash and quote."""
    written = []
    for name, value in variables.items():
        if "\0" in value:
            raise ValueError(name)
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        written.append(f"set -gx {name} '{quoted}'\n")
    return "".join(written)
