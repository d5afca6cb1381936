"""`add`: declares a service, and assigns it."""

import argparse
import shlex
from typing import Any

from portconf import declaration
from portconf.cli import outcome
from portconf.cli.dispatch import Answer
from portconf.errors import ConfigError, UsageError
from portconf.keys import keys_of
from portconf.kinds import Choice, Flag, Port
from portconf.locks import LOCK_TIMEOUT
from portconf.model import Service
from portconf.project import Project
from portconf.settings import PYPROJECT, Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare an option for each key of a service."""
    parser.add_argument("name", metavar="NAME", help="the new service")
    for key in keys_of(Service).values():
        about = key.about.replace("%", "%%")
        match key.kind:
            case Flag():
                parser.add_argument(f"--{key.name}", action="store_true", help=about)
            case Port():
                parser.add_argument(f"--{key.name}", type=int, metavar="N", help=about)
            case Choice():
                choices = [str(word) for word in key.kind.words_type]
                parser.add_argument(f"--{key.name}", choices=choices, help=about)
            case _:
                parser.add_argument(f"--{key.name}", metavar="TEXT", help=about)
    outcome.dry_run(parser)


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.add` does; where nothing is declared yet, begin."""
    folder = getattr(options, "directory", None)
    timeout = getattr(options, "lock_timeout", LOCK_TIMEOUT)
    found = Project.holding(folder, lock_timeout=timeout)
    if found is None:
        root = next(declaration.candidates(folder), None)
        if root is None:
            raise ConfigError(
                f"no {PYPROJECT} in {folder or 'this folder'} or above",
                hint=f"create one, which may be empty: touch {PYPROJECT}",
            )
        found = Project(root=root, settings=Settings(), lock_timeout=timeout)
    given: dict[str, Any] = {
        key.name: getattr(options, key.field) for key in keys_of(Service).values()
    }
    health = given["health"]
    if health and not health.startswith("/"):
        try:
            given["health"] = shlex.split(health)
        except ValueError as error:
            raise UsageError(
                f"--health is no command: {error}, got {health!r}"
            ) from None
    keys = {
        name: value
        for name, value in given.items()
        if value is not None and value is not False
    }
    return outcome.answer(found.add(options.name, keys, dry_run=options.dry_run))
