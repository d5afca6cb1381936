"""
The command line: one module per verb, loaded when it is asked for.

Standard output is data; everything else goes to standard error.
"""

import sys


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


# Verb -> what `portconf --help` says of it. The module has the verb's name.
VERBS = {
    "init": "assign what is declared, lease the ports, write the files",
    "status": "show the services, their ports and who listens on them",
    "get": "print one service's port, and nothing else",
    "export": "write the files, or print one format",
    "run": "run a command with the variables",
    "wait": "wait until services answer",
    "health": "ask services once whether they answer",
    "watch": "keep the files current, and tell what happens to the services",
    "guard": "fail where somebody else's server listens on one of our ports",
    "check": "fail where declaration, plan, files and exports disagree",
    "why": "tell where a service's number comes from",
    "add": "declare a service, and assign it",
    "adopt": "declare the ports that Compose, .env and others have today",
    "release": "give a service's number up, or a checkout's lease",
    "reset": "drop all assignments, and the lease",
    "leases": "list which checkout holds which ports of this machine",
    "gc": "free the leases of checkouts that are gone",
    "direnv": "print the function 'use_portconf' for direnv",
    "schema": "print the JSON Schema of [tool.portconf]",
    "completion": "print a completion script",
}
NOTHING_TO_DO = "nothing to do, all files are up to date"
INTERRUPTED = 130
BROKEN_PIPE = 141  # what a shell shows for a program that SIGPIPE ended


def main(argv: "Sequence[str] | None" = None, *, program: str = "portconf") -> int:
    """
    Run one command.

    Args:
        argv: The words after the program's name; None stands for `sys.argv`'s.
        program: The name in messages.

    Returns:
        The exit code; nothing that a user can cause raises.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        # The hot commands: answered without a parser if a snapshot allows.
        if words[:1] in (["get"], ["export"], ["init"]):
            from portconf.cli import hot  # noqa: PLC0415 - only they need it

            answer = hot.answer(words)
            if answer:
                write(answer)
            elif answer is not None:
                say(f"{program}: {NOTHING_TO_DO}")
            if answer is not None:
                return 0
        if words[:1] == ["run"]:
            from portconf.cli import hot  # noqa: PLC0415 - as above

            hot.run(words)  # does not return if a snapshot allows
        from portconf.cli import dispatch  # noqa: PLC0415 - argparse and all the rest

        return dispatch.run(words, program=program)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence()  # the reader has left, as in `portconf status | head`
        return BROKEN_PIPE
    except OSError as error:
        # What the use cases meet is translated; this is standard output itself.
        _silence()
        say(f"{program}: cannot write the answer: {error.strerror or error}")
        return 1


def write(text: str) -> None:
    """
    Write data to standard output, and see it off.

    A program that reads it gets UTF-8 in any locale, and a path that is no text as
    the bytes that it is; a terminal gets what it can show.

    Raises:
        OSError: If the output cannot take it.
    """
    stream = sys.stdout
    if stream is None:  # closed by the caller: `portconf get web >&-`
        return
    buffer = getattr(stream, "buffer", None)
    if buffer is None:  # somebody else's stand-in, which takes text
        stream.write(text)
    else:
        stream.flush()
        encoding = stream.encoding if stream.isatty() else "utf-8"
        errors = "backslashreplace" if stream.isatty() else "surrogateescape"
        left = text.encode(encoding, errors)
        # With PYTHONUNBUFFERED this is the file itself: a full disk refuses even nothing,
        # and one that is nearly full takes a part without a word.
        while left:
            taken = buffer.write(left)
            if taken is None:
                raise BlockingIOError("its reader is too slow")
            left = left[taken:]
    stream.flush()


def plain(text: str) -> str:
    """Return ``text`` without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(text: str) -> None:
    """Write lines for people to standard error, if there is one and it takes them."""
    if sys.stderr is None:
        return
    try:
        for line in text.split("\n"):
            print(plain(line), file=sys.stderr)
    except OSError:  # the exit code tells what was done: a full log must not change it
        _silence()


def _silence() -> None:
    """Keep Python from failing at exit, when it flushes what cannot be written."""
    import os  # noqa: PLC0415 - the rare way out

    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
