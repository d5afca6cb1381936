"""POSIX shell: `export NAME=VALUE`, for sh, bash, dash, zsh and ksh."""

from portconf.formats import listed
from portconf.marks import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# What another checkout's exports have left, or an isolated run's: this one's may have
# no such names. A Compose project of the user's own stays.
LEFT = (
    '[ "${PORTCONF_INSTANCE:-0}" = 0 ] || unset COMPOSE_PROJECT_NAME;'
    " unset PORTCONF_RUN;\n"
)
# shlex.quote would do, at the price of importing `re` in the hottest command. No '=':
# zsh makes the path of a program of a word that begins with it.
_BARE = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,-"
)


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.sh": text(view.variables)}


def text(variables: "Mapping[str, str]") -> str:
    """Return the file, which is also what `eval` is given."""
    # `eval $(...)` without quotes gets one line, all of which a comment would swallow;
    # hence the semicolons, too.
    return f': "{HEADER}";\n{lines(variables)}'


def lines(variables: "Mapping[str, str]") -> str:
    """Return what takes the place of any other checkout's exports."""
    return LEFT + listed(variables, _line)


def quote(value: str) -> str:
    r"""
    Return ``value`` as one word of any POSIX shell.

    Examples:
        >>> quote("4000"), quote("it's $HOME")
        ('4000', "'it'\\\\''s $HOME'")
    """
    if value and all(character in _BARE for character in value):
        return value
    return "'" + value.replace("'", "'\\''") + "'"


def _line(name: str, value: str) -> str:
    return f"export {name}={quote(value)}\n"
