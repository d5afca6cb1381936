"""
Env files: the subset that every parser reads alike.

`KEY=VALUE`, bare where safe, else in single quotes. Compose, python-dotenv, node's
dotenv and `--env-file`, uv, just and sh agree on these; on a quote, a backslash or a
control character inside they do not, so such a value is refused.
"""

from portconf.formats import listed
from portconf.formats.posix import quote
from portconf.marks import HEADER
from portconf.templates import unwritable


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.env": f"# {HEADER}\n{lines(view.variables)}"}


def lines(variables: "Mapping[str, str]") -> str:
    """Return one `KEY=VALUE` a line."""
    return listed(variables, _line)


def _line(name: str, value: str) -> str:
    if unwritable(value) is not None:
        raise ValueError(name)
    # What is bare for a shell is bare for them; no quote is left to escape.
    return f"{name}={quote(value)}\n"
