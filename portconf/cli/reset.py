"""`reset`: drops all assignments, after a question."""

import argparse
import sys

from portconf.cli import outcome, plain, tables
from portconf.cli.dispatch import Answer, project
from portconf.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--yes", action="store_true", help="do not ask")
    outcome.dry_run(parser)
    outcome.force(
        parser,
        "also while services listen; replace .env.compose and port_exports.sh of"
        " somebody else's",
    )


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.reset` does, once somebody has agreed."""
    found = project(options)
    if not options.yes and not options.dry_run:
        count = len(found.reset(force=options.force, dry_run=True).gone)
        if count:
            _ask(f"drop the ports of {count} services in {found.root}? [y/N] ")
    return outcome.answer(found.reset(force=options.force, dry_run=options.dry_run))


def _ask(question: str) -> None:
    """Return if the answer is yes; nothing is asked without a terminal."""
    if not (tables.terminal(sys.stdin) and tables.terminal(sys.stderr)):
        raise UsageError(
            "reset asks before it drops anything, and here is no terminal to ask on",
            hint="use --yes",
        )
    print(plain(question), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was dropped")
