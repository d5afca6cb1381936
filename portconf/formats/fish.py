"""The fish shell: `set -gx NAME 'VALUE'`."""

from portconf.formats import listed
from portconf.marks import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# As in `portconf.formats.posix`; what is inherited or exported is global.
_LEFT = """\
contains -- "$PORTCONF_INSTANCE" '' 0; or set -eg COMPOSE_PROJECT_NAME
set -eg PORTCONF_RUN
"""


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.fish": f"# {HEADER}\n{_LEFT}{listed(view.variables, _line)}"}


def _line(name: str, value: str) -> str:
    # In single quotes fish reads only backslash and quote.
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'\n"
