"""
systemd: a file for `EnvironmentFile=`.

The rules are those of systemd.exec(5): in single quotes everything stands for itself,
in double quotes all but the quote, the backslash, the backtick and the dollar sign,
which a backslash makes plain. Nothing is expanded.
"""

import re

from portconf.formats import listed
from portconf.marks import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


_BARE = r"[A-Za-z0-9_./:@%+,=-]+"


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.service.env": f"# {HEADER}\n{listed(view.variables, _line)}"}


def _line(name: str, value: str) -> str:
    if any(map(_refused, value)):
        raise ValueError(name)
    return f"{name}={_quoted(value)}\n"


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
    return nobody or character == "\ufeff"
