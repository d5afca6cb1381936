"""From the words of a command line to an exit code."""

import argparse
import json
import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from portconf.cli import VERBS, say, write
from portconf.errors import PortconfError, UsageError


# What only some commands need is loaded by them: `--help` answers without it.
if TYPE_CHECKING:
    from portconf.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a verb has to say.

    Attributes:
        data: The JSON form.
        text: For standard output, whole; empty where there is nothing to read.
        notes: For standard error, a line each.
        findings: What a check found; any makes the exit code 1.
    """

    data: Any
    text: str = ""
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


class Verb(Protocol):
    """What a module of this package must have to be a verb."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's own arguments."""

    def run(self, options: argparse.Namespace) -> Answer:
        """
        Do it.

        Raises:
            PortconfError: If it cannot be done.
        """


class _Parser(argparse.ArgumentParser):
    """A parser that raises, so that `--json` holds for a wrong command line too."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"'{self.prog} --help' shows what there is")


def parser(
    verbs: tuple[str, ...] | None = None, *, program: str = "portconf"
) -> argparse.ArgumentParser:
    """
    Return the parser of the command line.

    Args:
        verbs: Those whose arguments are wanted; the modules of the others are not
            loaded. None stands for all of them.
        program: The name in messages.
    """
    top = _Parser(
        prog=program,
        description="The same ports every time, never anybody else's.",
        epilog="exit codes: 0 done, 1 a check found something, 2 usage or declaration,"
        " 3 assignment, 4 assignments file, 5 registry, 6 health or wait, 7 foreign listener",
        parents=[_common()],
        allow_abbrev=False,  # what `--json` means is known before parsing
    )
    top.add_argument("--version", action="store_true", help="print the version")
    commands = top.add_subparsers(
        dest="verb", metavar="VERB", title="verbs", prog=program
    )
    for name, about in VERBS.items():
        sub = commands.add_parser(
            name,
            help=about,
            description=about.capitalize(),
            parents=[_common()],
            allow_abbrev=False,
        )
        # A wrong option is reported against the help that lists the right ones.
        sub.set_defaults(parser=sub)
        if verbs is None or name in verbs:
            verb(name).configure(sub)
    return top


def verb(name: str) -> Verb:
    """Return the module of a verb of `portconf.cli.VERBS`."""
    module: Verb = import_module(f"portconf.cli.{name}")
    return module


def _common() -> _Parser:
    """Return what may stand before the verb and after it."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "-C",
        dest="directory",
        metavar="DIR",
        help="work on the project that holds DIR",
    )
    common.add_argument(
        "--json", action="store_true", help="answer with one JSON envelope"
    )
    common.add_argument(
        "--lock-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="wait so long for another portconf command (default: 10)",
    )
    return common


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 1_000_000:  # noqa: PLR2004 - rules out NaN and overflow
        raise argparse.ArgumentTypeError(
            f"must be seconds from 0 to 1000000, got {text!r}"
        )
    return seconds


def project(options: argparse.Namespace) -> "Project":
    """
    Return the project that the options name.

    Raises:
        ConfigError: If there is none, or its declaration is wrong.
    """
    from portconf.project import Project  # noqa: PLC0415

    return Project.find(
        getattr(options, "directory", None), lock_timeout=timeout(options)
    )


def warnings(found: "Project") -> tuple[str, ...]:
    """Return the lines that numbers are the plan's, where they may be another's."""
    return tuple(f"warning: {note}" for note in found.cautions(grave=True))


def timeout(options: argparse.Namespace) -> float:
    """Return the seconds to wait for other commands."""
    from portconf.locks import LOCK_TIMEOUT  # noqa: PLC0415

    seconds: float = getattr(options, "lock_timeout", LOCK_TIMEOUT)
    return seconds


def run(words: list[str], *, program: str = "portconf") -> int:
    """Carry one command line out, and return its exit code."""
    name = _verb(words)
    # Known before parsing, because parsing may fail.
    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        if name and name not in VERBS:
            raise UsageError(
                f"no verb is named {name!r}{_near(name, list(VERBS))}",
                hint="'portconf --help' lists them",
            )
        reader = parser((name,), program=program)
        options, extra = reader.parse_known_args(words)
        if extra and options.verb:
            known = re.findall(r"--[a-z-]+", options.parser.format_help())
            what = "option" if extra[0].startswith("-") else "place for the word"
            raise UsageError(
                f"there is no {what} {extra[0]!r} here{_near(extra[0], known)}",
                hint=f"'portconf {name} --help' shows what there is",
            )
        if options.version:
            return _print_version()
        if not options.verb:
            wrong = f"there is no option {extra[0]!r}" if extra else "a verb is missing"
            raise UsageError(wrong, hint="'portconf --help' lists what there is")
        answer = verb(options.verb).run(options)
    except PortconfError as error:
        _tell_error(error, name, program=program, as_json=as_json)
        return error.exit_code
    except SystemExit as done:  # argparse has printed the help
        write("")  # flushed here, where a reader that has left is no traceback
        return int(done.code or 0)
    _tell(answer, options.verb, program=program, as_json=as_json)
    return 1 if answer.findings else 0


def _near(word: str, known: list[str]) -> str:
    from portconf.kinds import did_you_mean  # noqa: PLC0415 - difflib, for mistakes only

    return did_you_mean(word, known)


def _verb(words: list[str]) -> str:
    """Return the verb among the words, before any parser exists; "" for none."""
    rest = iter(words)
    for word in rest:
        if word in ("-C", "--lock-timeout"):
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return ""


def _print_version() -> int:
    from importlib.metadata import version  # noqa: PLC0415 - 4 times a bare start

    write(version("portconf") + "\n")
    return 0


def _tell(answer: Answer, name: str, *, program: str, as_json: bool) -> None:
    for note in answer.notes:
        say(f"{program}: {note}")
    if not as_json:
        write(answer.text)
        for finding in answer.findings:
            say(f"{program}: {finding}")
    elif answer.findings:
        count = len(answer.findings)
        error = {
            "code": "check",
            "message": f"{count} finding{'s' * (count > 1)}",
            "hint": "run 'portconf init'",
            "findings": list(answer.findings),
        }
        _print_envelope(name, ok=False, error=error)
    else:
        _print_envelope(name, ok=True, data=answer.data)


def _tell_error(
    error: PortconfError, name: str, *, program: str, as_json: bool
) -> None:
    if as_json:
        details = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            **error.details(),
        }
        _print_envelope(name, ok=False, error=details)
        return
    for line in error.message.splitlines():
        say(f"{program}: {line}")
    if error.hint:
        say(f"hint: {error.hint}")


def _print_envelope(name: str, *, ok: bool, **content: Any) -> None:
    envelope = {"portconf": 1, "command": name, "ok": ok, **content}
    write(json.dumps(envelope, indent=2) + "\n")
