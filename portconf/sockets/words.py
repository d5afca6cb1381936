"""A command line as people read it: one line, no control characters, not endless."""

from collections.abc import Sequence
from typing import Final


MARK: Final = "PORTCONF_ROOT"
"""The variable by which a process says whose it is."""

_LENGTH = 200


def command(arguments: Sequence[str], name: str) -> str:
    r"""
    Return a command line on one line, quoted as a shell takes it.

    It is for people: what cannot be shown becomes a space or a question mark, and the
    end is cut off. A single argument stays as it is: programs that write a title for
    themselves, like `nginx: master process nginx`, leave one.

    Args:
        arguments: The program and its arguments; empty for one that hides them.
        name: The program's short name, shown in brackets where there are no arguments.

    Examples:
        >>> command(["python", "-m", "http.server"], "python")
        'python -m http.server'
        >>> command(["printf", "a\nb"], "printf")
        "printf 'a b'"
    """
    import shlex  # noqa: PLC0415 - only where a listener was found

    if not arguments:
        text = f"[{name}]"
    elif len(arguments) == 1:
        text = arguments[0]
    else:
        text = shlex.join(arguments)
    shown = "".join(
        each if each.isprintable() else " " if each.isspace() else "?"
        for each in text[: _LENGTH + 1]
    )
    return shown if len(shown) <= _LENGTH else f"{shown[: _LENGTH - 3]}..."
