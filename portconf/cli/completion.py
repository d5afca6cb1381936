"""`completion`: prints a script that lets a shell complete the command line."""

import argparse

from portconf.cli.dispatch import Answer, parser as whole_parser


SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(options: argparse.Namespace) -> Answer:
    """Print what shtab makes of the parser."""
    import shtab  # noqa: PLC0415 - for this verb only

    script = shtab.complete(whole_parser(), shell=options.shell)
    return Answer(data={"shell": options.shell, "script": script}, text=script + "\n")
