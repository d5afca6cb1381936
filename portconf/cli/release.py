"""`release`: gives a service's number up."""

import argparse

from portconf.cli import outcome
from portconf.cli.run import Answer, project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="a service")
    outcome.dry_run(parser)


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.release` does."""
    return outcome.answer(
        project(options).release(options.name, dry_run=options.dry_run)
    )
