"""`check`: fails where declaration, plan, files and exports disagree."""

import argparse
import os

from portconf.cli.dispatch import Answer, project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Tell what `Project.check` finds."""
    found = project(options).checked(os.environ)
    agreed = ("declaration, plan, files and exports agree",)
    notes = [f"not checked: {each}" for each in found.unchecked]
    return Answer(
        data={"findings": []},
        notes=(*notes, *(() if found.findings else agreed)),
        findings=found.findings,
    )
