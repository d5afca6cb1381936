"""`export`: writes the files, or prints one format."""

import argparse

from portconf import exports, formats
from portconf.cli import outcome
from portconf.cli.dispatch import Answer, project, warnings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--format",
        choices=sorted(formats.NAMES),
        help="print the variables in this format, write no file",
    )
    outcome.dry_run(parser)
    outcome.force(parser, "replace .env.compose and port_exports.sh of somebody else's")


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.export` does, or print the variables."""
    found = project(options)
    if options.format is None:
        done = found.export(force=options.force, dry_run=options.dry_run)
        return outcome.answer(done)
    variables = found.variables()
    where = f"the format {options.format}"
    return Answer(
        data={"variables": variables},
        text=exports.text(options.format, variables, where=where),
        notes=warnings(found),
    )
