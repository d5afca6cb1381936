"""
The ports in pytest: variables, fixtures, the guard, and a block for each worker.

Every run of pytest in this environment loads this module, so it imports nothing of
portconf. What a project with `[tool.portconf]` has of it is in `session`.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest


_PYPROJECT = "pyproject.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options, which win over `[tool.portconf.pytest]`."""
    group = parser.getgroup("portconf", "the ports of [tool.portconf]")
    group.addoption(
        "--portconf-isolate",
        choices=("worker", "run", "off"),
        help="who has ports of its own: each worker of pytest-xdist, the run, or nobody",
    )
    group.addoption(
        "--portconf-guard",
        choices=("error", "warn", "off"),
        help="what a foreign server on one of our ports does to the run",
    )


# A wrapper runs before whatever else sets variables, which may be made from ours.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """
    Set the variables before a conftest, or a plugin like pytest-env, reads them.

    Raises:
        pytest.UsageError: If the ports are not to be had.
    """
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        found = dict.fromkeys(filter(None, map(_declaring, _places(early_config))))
        if found:
            from portconf.pytest_plugin import session  # noqa: PLC0415 - not for all

            session.begin(early_config, found)
    return (yield)


def _places(config: pytest.Config) -> Iterator[str]:
    """Yield where the tests' own project is looked for: where they lie comes first."""
    named = (
        each.partition("::")[0] for each in config.known_args_namespace.file_or_dir
    )
    paths = [os.path.realpath(path) for path in named if os.path.exists(path)]
    with suppress(ValueError):  # no path, or two drives
        yield os.path.commonpath(paths)
    yield os.getcwd()
    yield str(config.rootpath)


def _declaring(folder: str) -> str | None:
    """Return the nearest folder whose `pyproject.toml` may declare ports, or None."""
    while True:
        try:
            with open(os.path.join(folder, _PYPROJECT), "rb") as file:
                if b"portconf" in file.read():
                    return folder
        except OSError:
            pass  # there is none here, or it cannot be read
        above = os.path.dirname(folder)
        if above == folder or os.path.lexists(os.path.join(folder, ".git")):
            return None
        folder = above
