"""`adopt`: declares the ports that a project's files have today."""

import argparse

from portconf.adopt import migrating
from portconf.cli import tables
from portconf.cli.dispatch import Answer, timeout


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="read this instead of what is usually there: a Compose file, a .env, a"
        " Procfile, a devcontainer.json, Python source",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="change the files; without it, show the changes as a diff",
    )


def run(options: argparse.Namespace) -> Answer:
    """Do what `migrating.adopt` does."""
    done = migrating.adopt(
        getattr(options, "directory", None),
        options.paths,
        write=options.write,
        lock_timeout=timeout(options),
    )
    return Answer(
        data=done.to_dict(),
        text=tables.diff(done.files) if done.dry_run else "",
        notes=tuple(_notes(done)),
    )


def _notes(done: migrating.Migration) -> list[str]:
    notes = [str(each) for each in done.notes]
    notes += [f"not adopted: {each}" for each in done.unread]
    if not done.looked:
        return [*notes, f"there is nothing to read in {done.root}"]
    if not done.files:
        return [*notes, f"nothing to adopt in {', '.join(done.looked)}"]
    names = ", ".join(each.name for each in done.files)
    if done.dry_run:
        return [*notes, f"would write {names}: 'portconf adopt --write' does"]
    return [*notes, f"wrote {names}", "next: portconf init"]
