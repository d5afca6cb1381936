"""PowerShell: `$env:NAME = 'VALUE'`."""

from portconf.formats import listed
from portconf.marks import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# As in `portconf.formats.posix`; to assign null takes a variable away.
_LEFT = """\
if ("$env:PORTCONF_INSTANCE" -notin '', '0') { $env:COMPOSE_PROJECT_NAME = $null }
$env:PORTCONF_RUN = $null
"""
# PowerShell takes the typographic single quotes for quotes too (language
# specification, 2.3.5.2): one of them would end the text and start a command.
_DOUBLED = {ord(quote): quote * 2 for quote in "'\u2018\u2019\u201a\u201b"}


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.ps1": f"# {HEADER}\n{_LEFT}{listed(view.variables, _line)}"}


def _line(name: str, value: str) -> str:
    return f"$env:{name} = '{value.translate(_DOUBLED)}'\n"
