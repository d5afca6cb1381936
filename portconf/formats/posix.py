"""POSIX shell: `export NAME=VALUE`, for sh, bash, dash, zsh and ksh."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# shlex.quote would do, at the price of importing `re` in the hottest command. No '=':
# zsh makes the path of a program of a word that begins with it.
_BARE = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,-"
)


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"port_exports.sh": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """Return one `export` a line; NUL is what no environment can hold."""
    for name, value in variables.items():
        if "\0" in value:
            raise ValueError(name)
    return "".join(
        f"export {name}={quote(value)}\n" for name, value in variables.items()
    )


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
