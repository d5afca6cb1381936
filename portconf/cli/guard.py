"""`guard`: fails where somebody else's server listens on one of our ports."""

import argparse
import os

from portconf.cli.dispatch import Answer, project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.guard` does."""
    watched = project(options).guard(os.environ)
    ours = [name for name, seen in watched.seen if seen.verdict == "ours"]
    told = f"ours: {', '.join(ours)}" if ours else "nobody of ours listens"
    notes = (*(f"warning: {note}" for note in watched.notes), told)
    return Answer(data=watched.to_dict(), notes=notes)
