"""
GitLab: a file for `artifacts:reports:dotenv`.

GitLab takes what follows `=` as it stands, without blanks and quotes, in a file without
comments, below 5 KB; and it expands `$NAME` and `%NAME%` in what it has taken.
"""

import re


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# What an instance has where nobody has changed it; and what the largest plan of
# gitlab.com takes: the smaller plans and an instance of one's own take fewer.
SIZE = 5 * 1024
COUNT = 150
_REFUSED = r"[\s\0-\x1f\x7f-\x9f'\"`$\ufeff]|%[A-Za-z_][A-Za-z0-9_]*%|%%"


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.gitlab.env": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """Return one `NAME=VALUE` a line."""
    for name, value in variables.items():
        if re.search(_REFUSED, value):
            raise ValueError(name)
    text = "".join(f"{name}={value}\n" for name, value in variables.items())
    size = len(text.encode())
    if size >= SIZE:
        raise ValueError(f"GitLab takes less than {SIZE} bytes, and it has {size}")
    if len(variables) > COUNT:
        raise ValueError(
            f"GitLab takes at most {COUNT} variables, and there are {len(variables)}"
        )
    return text
