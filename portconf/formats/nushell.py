"""Nushell: a module for `overlay use`, which `overlay hide` takes back."""

from portconf.views import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# In double quotes; what has no letter of its own is written as its number.
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.nu": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """Return a module that sets one variable a line."""
    written = []
    for name, value in variables.items():
        if "\0" in value:
            raise ValueError(name)
        quoted = "".join(map(_character, value))
        written.append(f'    $env.{name} = "{quoted}"\n')
    return f"# {HEADER}\nexport-env {{\n{''.join(written)}}}\n"


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
