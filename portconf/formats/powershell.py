"""PowerShell: `$env:NAME = 'VALUE'`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# PowerShell takes the typographic single quotes for quotes too (language
# specification, 2.3.5.2): one of them would end the text and start a command.
_QUOTES = "'\u2018\u2019\u201a\u201b"


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.ps1": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """Return one assignment a line; a quote is doubled."""
    doubled = {ord(quote): quote * 2 for quote in _QUOTES}
    written = []
    for name, value in variables.items():
        if "\0" in value:
            raise ValueError(name)
        written.append(f"$env:{name} = '{value.translate(doubled)}'\n")
    return "".join(written)
