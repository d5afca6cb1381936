"""
GitLab: a file for `artifacts:reports:dotenv`.

GitLab takes what follows `=` as it stands, without blanks and quotes, in a file without
comments, below 5 KB; and it expands `$NAME` and `%NAME%` in what it has taken.
"""

import re

from portconf.formats import listed


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# What an instance has where nobody has changed it; and what the largest plan of
# gitlab.com takes: the smaller plans and an instance of one's own take fewer.
SIZE = 5 * 1024
COUNT = 150
_REFUSED = r"[\s\x01-\x1f\x7f-\x9f'\"`$\ufeff]|%[A-Za-z_][A-Za-z0-9_]*%|%%"


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    text = listed(view.variables, _line)
    size = len(text.encode())
    if size >= SIZE:
        raise ValueError(f"GitLab takes less than {SIZE} bytes, and it has {size}")
    if len(view.variables) > COUNT:
        raise ValueError(
            f"GitLab takes at most {COUNT} variables, and there are"
            f" {len(view.variables)}"
        )
    return {"portconf.gitlab": text}


def _line(name: str, value: str) -> str:
    if re.search(_REFUSED, value):
        raise ValueError(name)
    return f"{name}={value}\n"
