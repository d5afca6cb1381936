"""One run of pytest in a project with ports: begun, guarded, spread over workers."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from portconf.environment import left_over
from portconf.errors import PortconfError
from portconf.pytest_plugin import fixtures
from portconf.pytest_plugin.equipment import Equipment, equip, listed, watch


if TYPE_CHECKING:
    from portconf.registry.values import Lease

_CONTROLLER = "PORTCONF_CONTROLLER"
"""Tells a worker which process has leased its block, and in which registry's file.

It is taken out on arrival.
"""

# The options of pytest that only show something.
_LISTS = (
    *("collectonly", "showfixtures", "show_fixtures_per_test", "markers"),
    "cacheshow",
)


class Spec(Protocol):
    """What is used of `execnet.XSpec`, which says how a worker is started."""

    id: str
    env: dict[str, str]


def begin(config: pytest.Config, folders: Iterable[str]) -> None:
    """
    Give this process its ports, and register what the run has of the plugin.

    Args:
        config: The early configuration.
        folders: Where a project may be, the first that is one counts; without one
            nothing happens.

    Raises:
        pytest.UsageError: If the ports are not to be had.
    """
    options = config.known_args_namespace
    controller = os.environ.pop(_CONTROLLER, None)
    part = os.environ.get("PYTEST_XDIST_WORKER")
    worker = (controller, part) if controller and part else None
    if any(getattr(options, name, False) for name in _LISTS):
        known = (listed(folder) for folder in folders)
        _set(config, next(filter(None, known), {}))
        config.pluginmanager.register(fixtures, "portconf-fixtures")
        return
    try:
        tried = (
            equip(folder, isolate=options.portconf_isolate, worker=worker)
            for folder in folders
        )
        equipment = next(filter(None, tried), None)
    except PortconfError as error:
        raise pytest.UsageError(_worded(error)) from error
    if equipment is None:
        return
    _set(config, equipment.variables)
    config.stash[fixtures.EQUIPMENT] = equipment
    config.pluginmanager.register(fixtures, "portconf-fixtures")
    if worker is None:
        # Also where pytest itself refuses to begin, as with an unknown option.
        config.add_cleanup(equipment.end)
        guard = options.portconf_guard or equipment.guard
        session = Session(config, equipment, guard=guard)
        config.pluginmanager.register(session, "portconf-session")


class Session:
    """
    The hooks of a run; its workers have none of them.

    Args:
        config: The configuration of the run.
        equipment: What this process has of its project.
        guard: What a foreign server does to the run.
    """

    def __init__(
        self, config: pytest.Config, equipment: Equipment, *, guard: str
    ) -> None:
        self._config = config
        self._equipment = equipment
        self._guard = guard
        self._leased: list[Lease] = []

    def pytest_report_header(self) -> str:
        """Tell whose ports the run has."""
        more = "; each worker has a block of its own" if self._spreads() else ""
        return f"portconf: {self._equipment.title}{more}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Look who listens, before anything is collected."""
        if not self._spreads():
            with _ending():
                self._warn(self._equipment.watch(self._guard))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: Sequence[Spec]) -> None:
        """Lease a block for each worker, before the first of them starts."""
        if not self._spreads():
            return
        from portconf.runs import token  # noqa: PLC0415 - a plain run needs none

        with _ending():
            workers = self._equipment.project.isolated(*(each.id for each in specs))
            self._leased = [each.run for each in workers if each.run]
            # Their blocks are new: it is for the ports that do not move.
            self._warn(watch(workers[0], self._guard))
            files = self._equipment.project.registry_files()
        # A second one is the checkout's own, which no home has to do with.
        registry = files[0] if len(files) == 1 else ""
        for each in specs:
            each.env[_CONTROLLER] = f"{token()} {registry}"
        blocks = [each.range for each in self._leased]
        self._tell(f"{len(blocks)} blocks, from {blocks[0]} to {blocks[-1]}")

    def pytest_unconfigure(self) -> None:
        """Give up what has ended with the workers."""
        if self._leased:
            runs = self._equipment.project.runs()
            with suppress(PortconfError):  # the next lease that is taken does it, too
                runs.drop(self._leased)  # what no worker has come for
                runs.sweep()

    def _spreads(self) -> bool:
        """Tell whether workers with blocks of their own run the tests."""
        workers: bool = self._config.pluginmanager.hasplugin("dsession")
        return workers and self._equipment.isolate == "worker"

    def _warn(self, notes: Iterable[str]) -> None:
        for note in notes:
            self._tell(f"warning: {note}", always=True, yellow=True)

    def _tell(self, text: str, *, always: bool = False, **markup: bool) -> None:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter and (always or self._config.option.verbose >= 0):
            reporter.write_line(f"portconf: {text}", **markup)


def _set(config: pytest.Config, variables: Mapping[str, str]) -> None:
    # A second `pytest.main` in this process would be part of a run that has ended, and
    # an outer run of pytester would go on with the inner one's ports.
    before = {n: os.environ.get(n) for n in (*variables, *left_over(os.environ, {}))}
    config.add_cleanup(lambda: _restore(before))
    for name in left_over(os.environ, variables):
        del os.environ[name]
    os.environ.update(variables)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _ending() -> Iterator[None]:
    """End the run with an error's own code, before any test."""
    try:
        yield
    except PortconfError as error:
        pytest.exit(_worded(error), returncode=error.exit_code)


def _worded(error: PortconfError) -> str:
    lines = f"{error.message}\nhint: {error.hint}" if error.hint else error.message
    return f"portconf: {lines}"
