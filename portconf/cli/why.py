"""`why`: tells where a service's number comes from."""

import argparse
import os

from portconf.cli import plain
from portconf.cli.dispatch import Answer, project
from portconf.reports import Explanation


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="a service")


def run(options: argparse.Namespace) -> Answer:
    """Tell what `Project.why` knows."""
    told = project(options).why(options.name, os.environ)
    has = f"port {told.port}" if told.port else f"{told.assigned} in the plan"
    lines = [f"{told.service} has {has}, as {told.variable}"]
    lines += [f"  {label:<13}{plain(text)}" for label, text in _parts(told)]
    return Answer(data=told.to_dict(), text="\n".join(lines) + "\n")


def _parts(told: Explanation) -> list[tuple[str, str]]:
    parts = [
        ("declared", str(told.declared or "nowhere; it was assigned by a program")),
        ("rule", told.rule),
    ]
    parts += [
        ("stepped over", f"{port}: {reason}") for port, reason in told.stepped_over
    ]
    parts.append(("stored", str(told.stored)))
    parts.append(("lease", told.leased))
    if told.lease and told.lease.block:
        parts += [
            ("stepped over", f"{each.first}-{each.last}: {each.reason}")
            for each in told.lease.obstacles
        ]
    parts += [("exported", str(place)) for place in told.exported]
    if told.overridden:
        parts.append(("overridden", told.overridden))
    if told.listens:
        parts.append(("listens", f"{told.listens.verdict}: {told.listens.text}"))
    return parts
