"""`check`: fails where declaration, plan, files and exports disagree."""

import argparse
import os

from portconf.cli.dispatch import Answer, project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Tell what `Project.check` finds."""
    findings = project(options).check(os.environ)
    notes = () if findings else ("declaration, plan, files and exports agree",)
    return Answer(data={"findings": []}, notes=notes, findings=findings)
