"""`guard`: fails where somebody else's server listens on one of our ports."""

import argparse
import os

from portconf.cli.dispatch import Answer, project
from portconf.ownership import Verdict
from portconf.settings import Guard


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.guard` does."""
    found = project(options)
    watched = found.guard(os.environ)
    notes = [f"warning: {note}" for note in watched.notes]
    ours = [name for name, seen in watched.seen if seen.verdict is Verdict.OURS]
    if found.settings.guard is Guard.OFF:
        notes.append("tool.portconf.guard is off: nobody was looked for")
    elif ours:
        notes.append(f"ours: {', '.join(ours)}")
    elif not watched.seen:
        notes.append("nobody listens on our ports")
    return Answer(data=watched.to_dict(), notes=tuple(notes))
