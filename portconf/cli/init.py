"""`init`: assigns what is declared, leases the ports, writes the files."""

import argparse

from portconf.cli import outcome
from portconf.cli.dispatch import Answer, project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    outcome.dry_run(parser)
    outcome.force(parser, "replace .env.compose and port_exports.sh of somebody else's")
    parser.add_argument(
        "--gitignore",
        action="store_true",
        help="add the generated files to .gitignore",
    )
    parser.add_argument(
        "--relocate",
        action="store_true",
        help="move this checkout to another block of ports",
    )


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.init` does."""
    done = project(options).init(
        force=options.force,
        gitignore=options.gitignore,
        relocate=options.relocate,
        dry_run=options.dry_run,
    )
    return outcome.answer(done)
