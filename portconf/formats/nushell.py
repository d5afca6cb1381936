"""Nushell: a module for `overlay use`, which `overlay hide` takes back."""

from portconf.formats import listed
from portconf.marks import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# As in `portconf.formats.posix`.
_LEFT = """\
    if ($env.PORTCONF_INSTANCE? | default "0") != "0" {
        hide-env --ignore-errors COMPOSE_PROJECT_NAME
    }
    hide-env --ignore-errors PORTCONF_RUN
"""
# In double quotes; what has no letter of its own is written as its number.
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    body = _LEFT + listed(view.variables, _line)
    return {"portconf.nu": f"# {HEADER}\nexport-env {{\n{body}}}\n"}


def _line(name: str, value: str) -> str:
    return f'    $env.{name} = "{"".join(map(_character, value))}"\n'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
