"""`get`: prints one service's port, and nothing else."""

import argparse

from portconf.cli.dispatch import Answer, project, warnings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="a service")


def run(options: argparse.Namespace) -> Answer:
    """Print what `Project.get` returns."""
    found = project(options)
    port = found.get(options.name)
    data = {"service": options.name, "port": port}
    return Answer(data=data, text=f"{port}\n", notes=warnings(found))
