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
    "init": "assign what is declared, write the files",
    "status": "show the services and their ports",
    "get": "print one service's port, and nothing else",
    "export": "write the files, or print one format",
    "check": "fail where declaration, plan and files disagree",
    "why": "tell where a service's number comes from",
    "add": "declare a service, and assign it",
    "release": "give a service's number up",
    "reset": "drop all assignments",
    "schema": "print the JSON Schema of [tool.portconf]",
    "completion": "print a completion script",
}
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
        if words[:1] in (["get"], ["export"]):
            from portconf.cli import hot  # noqa: PLC0415 - only they need it

            answer = hot.answer(words)
            if answer is not None:
                write(answer)
                return 0
        from portconf.cli import run  # noqa: PLC0415 - argparse and all the rest

        return run.run(words, program=program)
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

    A character that the output's encoding lacks is escaped; a byte of a path that is
    no text comes out as it was.

    Raises:
        OSError: If the output cannot take it.
    """
    stream = sys.stdout
    if stream is None:  # closed by the caller: `portconf get web >&-`
        return
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "utf-8"
        try:
            data = text.encode(encoding, "surrogateescape")
        except UnicodeEncodeError:
            data = text.encode(encoding, "backslashreplace")
        stream.buffer.write(data)
    stream.flush()


def say(line: str) -> None:
    """Write a line for people to standard error, if there is one."""
    if sys.stderr is not None:
        print(line, file=sys.stderr)


def _silence() -> None:
    """Keep Python from complaining at exit, when it flushes what is left."""
    import os  # noqa: PLC0415 - the rare way out

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
