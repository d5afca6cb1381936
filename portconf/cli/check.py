"""`check`: fails where declaration, plan, files and exports disagree."""

import argparse
import os

from portconf.cli.dispatch import Answer, project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Tell what `Project.check` finds."""
    found = project(options)
    findings = found.check(os.environ)
    agreed = () if findings else ("declaration, plan, files and exports agree",)
    notes = (*(f"not checked: {each}" for each in found.unchecked()), *agreed)
    return Answer(data={"findings": []}, notes=notes, findings=findings)
