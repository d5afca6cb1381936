"""`release`: gives a service's number up, or a checkout's lease."""

import argparse

from portconf import machine
from portconf.cli import gc, outcome
from portconf.cli.dispatch import Answer, project, timeout
from portconf.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="a service")
    parser.add_argument(
        "--checkout",
        metavar="PATH",
        help="give up what the checkout at PATH has leased; it need not exist any more",
    )
    outcome.dry_run(parser)
    outcome.force(parser, "with --checkout: also where its services still listen")


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.release` or `portconf.machine.release` does."""
    if (options.name is None) == (options.checkout is None):
        raise UsageError(
            "release needs a service's name or --checkout, and not both",
            hint="portconf release NAME, or portconf release --checkout PATH",
        )
    if options.checkout == "":  # an unset variable of a shell, not the current folder
        raise UsageError(
            "--checkout must be a folder, got ''", hint="for this one: --checkout ."
        )
    if options.checkout is not None:
        return gc.answer(
            machine.release(
                options.checkout,
                timeout=timeout(options),
                force=options.force,
                dry_run=options.dry_run,
            )
        )
    return outcome.answer(
        project(options).release(options.name, dry_run=options.dry_run)
    )
