"""`gc`: frees the leases of checkouts that are gone."""

import argparse

from portconf import machine
from portconf.cli.dispatch import Answer, timeout
from portconf.machine import Swept


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--dry-run", action="store_true", help="only tell what would be freed"
    )


def run(options: argparse.Namespace) -> Answer:
    """Do what `portconf.machine.gc` does."""
    return answer(machine.gc(timeout=timeout(options), dry_run=options.dry_run))


def answer(swept: Swept) -> Answer:
    """Word what was freed, and why each of the others was not."""
    done = "would free" if swept.dry_run else "freed"
    notes = [f"{done} {each.range} of {each.who}" for each in swept.freed]
    notes += [
        f"kept {each.range} of {each.who}: {reason}" for each, reason in swept.kept
    ]
    return Answer(data=swept.to_dict(), notes=tuple(notes or ("nothing to free",)))
