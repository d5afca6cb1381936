"""Answers to the hot commands, from the snapshot of the checkout."""

import os

from portconf import snapshot


TYPE_CHECKING = False
if TYPE_CHECKING:
    from portconf.snapshot import Answers


def answer(words: list[str]) -> str | None:
    """
    Return what the command prints, or None where it has to be computed.

    Args:
        words: The command line: `get NAME`, `export --format sh` or `init`, which
            prints nothing here where it has nothing to do.
    """
    if words == ["init"]:
        return "" if _settled() else None
    if len(words) == 2 and words[0] == "get":  # noqa: PLR2004 - the verb and a name
        known = _known()
        port = known and known[0].get(words[1])
        return f"{port}\n" if port else None
    if words == ["export", "--format", "sh"]:
        known = _known()
        if known:
            from portconf.formats.posix import text  # noqa: PLC0415 - `get` has no use

            return text(known[1])
    return None


def run(words: list[str]) -> None:
    """
    Become the command of `run [--] CMD...`; return where that has to be computed.

    Args:
        words: The command line. With options, and with braces that may have to be
            filled in, nothing is done; neither where CMD cannot be run, which is
            told by who tries it again.
    """
    command = words[2 if words[1:2] == ["--"] else 1 :]
    if not command or (command == words[1:] and command[0].startswith("-")):
        return
    if any("{fd:" in word or "{port:" in word for word in command):
        return
    known = _known()
    if known:
        from portconf.cli.become import become  # noqa: PLC0415 - `get` has no use

        try:
            become(command, known[1])
        except OSError:
            return


def _settled() -> bool:
    try:
        return snapshot.done(os.getcwd())
    except OSError:  # the current folder is gone
        return False


def _known() -> "Answers | None":
    try:
        return snapshot.read(os.getcwd())
    except OSError:  # the current folder is gone
        return None
