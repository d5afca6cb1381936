"""`export`: writes the files, or prints one format."""

import argparse

from portconf import formats
from portconf.cli import listening, outcome
from portconf.cli.dispatch import Answer, project, warnings
from portconf.errors import UsageError


class _Names(tuple[str, ...]):
    """What a shell completes; whether there is another, who loads it knows."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return True


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        choices=_Names(sorted(formats.NAMES)),
        help="print this format, write no file: one of"
        f" {', '.join(sorted(formats.NAMES))}, or another package's",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="write the format's files into this folder instead",
    )
    parser.add_argument(
        "--all-checkouts",
        action="store_true",
        help="with the other checkouts of the repository on this machine",
    )
    listening.option(parser)
    outcome.dry_run(parser)
    outcome.force(parser, "replace files of somebody else's that have our names")


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.export` does, or print or write one format."""
    found = project(options)
    if options.format is None:
        _refuse(
            {"--output", "--all-checkouts", "--listen"},
            options,
            "without --format FORMAT",
        )
        done = found.export(force=options.force, dry_run=options.dry_run)
        return outcome.answer(done)
    if options.output is None:
        _refuse({"--force", "--dry-run"}, options, "of a format without --output DIR")
    elif not options.output:
        raise UsageError("--output must name a folder, got ''")
    from portconf import exporting  # noqa: PLC0415 - rarely wanted

    rendition = exporting.render(
        found,
        options.format,
        folder=options.output,
        all_checkouts=options.all_checkouts,
        listen=listening.read(options.listen),
    )
    if options.output is not None:
        done = exporting.write(
            found,
            rendition,
            options.output,
            force=options.force,
            dry_run=options.dry_run,
        )
        return outcome.answer(done)
    if len(rendition.files) > 1:
        raise UsageError(
            f"the format {options.format} is several files:"
            f" {', '.join(rendition.files)}",
            hint="name a folder for them: --output DIR",
        )
    return Answer(
        data={
            "variables": dict(rendition.variables),
            "files": dict(rendition.files),
        },
        text="".join(rendition.files.values()),
        notes=(*warnings(found), *(f"warning: {each}" for each in rendition.notes)),
    )


def _refuse(names: set[str], options: argparse.Namespace, where: str) -> None:
    """Refuse options that would do nothing."""
    for name in sorted(names):
        if getattr(options, name[2:].replace("-", "_")) not in (None, False):
            raise UsageError(
                f"{name} does nothing {where}", hint="do without it, or add that"
            )
