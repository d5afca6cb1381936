"""
systemd: a file for `EnvironmentFile=`.

The rules are those of systemd.exec(5): in single quotes everything stands for itself,
in double quotes all but the quote, the backslash, the backtick and the dollar sign,
which a backslash makes plain. Nothing is expanded.
"""

import re

from portconf.views import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


_BARE = r"[A-Za-z0-9_./:@%+,=-]+"


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.service.env": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """Return one `NAME=VALUE` a line, bare or in quotes."""
    written = [f"# {HEADER}\n"]
    for name, value in variables.items():
        if any(map(_refused, value)):
            raise ValueError(name)
        written.append(f"{name}={_quoted(value)}\n")
    return "".join(written)


def _quoted(value: str) -> str:
    if re.fullmatch(_BARE, value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'["\\`$]', r"\\\g<0>", value) + '"'


def _refused(character: str) -> bool:
    """Tell whether systemd forbids a character: Unicode keeps some for nobody."""
    number = ord(character)
    nobody = 0xFDD0 <= number <= 0xFDEF or number & 0xFFFE == 0xFFFE  # noqa: PLR2004 - the standard's
    return nobody or character in "\0\ufeff"
