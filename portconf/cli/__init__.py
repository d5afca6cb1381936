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
                sys.stdout.write(answer)
                sys.stdout.flush()
                return 0
        from portconf.cli import run  # noqa: PLC0415 - argparse and all the rest

        return run.run(words, program=program)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has left, as in `portconf status | head`. Python would complain
        # at exit when it flushes: give it a place to flush to.
        import os  # noqa: PLC0415 - the rare way out

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141  # what a shell shows for a program ended by SIGPIPE
