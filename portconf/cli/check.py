"""`check`: fails where declaration, plan and files disagree."""

import argparse

from portconf.cli.dispatch import Answer, project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Tell what `Project.check` finds."""
    findings = project(options).check()
    notes = () if findings else ("declaration, plan and files agree",)
    return Answer(data={"findings": []}, notes=notes, findings=findings)
