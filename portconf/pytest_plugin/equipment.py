"""
The ports of one process of a test run: remembered ones at once, others computed.

Every run in a project with ports loads this module, so it imports next to nothing:
the snapshot answers a plain run, as it does `portconf get`.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from portconf import snapshot
from portconf.environment import INSTANCE, ROOT, RUN, begun


if TYPE_CHECKING:
    from portconf.project import Project


class Equipment:
    """
    What a process has of its project.

    Attributes:
        variables: To be put into the environment.
        isolate: Who has ports of its own: `worker`, `run` or `off`.
        guard: What a foreign server does to the run: `error`, `warn` or `off`.
        lease: The ports of the lease, for people; empty where there is none.
        registry: The file that has it, where the snapshot tells; else empty.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        facts: Mapping[str, str],
        *,
        known: Mapping[str, str] | None = None,
        project: "Project | None" = None,
    ) -> None:
        self.variables = variables
        self.isolate = facts["isolate"]
        self.guard = facts["guard"]
        self.lease = facts["lease"]
        self.registry = facts["registry"]
        self._known = known
        self._project = project

    @property
    def own(self) -> bool:
        """Whether the ports are a run's, and not the checkout's."""
        return RUN in self.variables

    @property
    def title(self) -> str:
        """Whose ports they are, for people."""
        told = f"instance {self.variables[INSTANCE]}, {self.lease or 'no lease'}"
        return f"{told}, of this run" if self.own else told

    @cached_property
    def project(self) -> "Project":
        """
        The project, with the ports of this process.

        Raises:
            ConfigError: If its declaration has been spoilt meanwhile.
        """
        from portconf.project import Project  # noqa: PLC0415 - a plain run needs none

        return self._project or Project.find(self.variables[ROOT])

    def watch(self, mode: str) -> tuple[str, ...]:
        """
        Look who listens on the ports; return the warnings.

        Args:
            mode: As `guard`.

        Raises:
            PortconfError: As `Project.guard` does.
        """
        if self._known is not None:
            from portconf import sockets  # noqa: PLC0415 - for those who are guarded

            # What the snapshot answers has no warnings either.
            ports = {int(port) for port in self._known.values()}
            if mode == "off" or not sockets.anybody(ports):
                return ()
        return watch(self.project, mode)

    def end(self) -> None:
        """Give up what was leased for this process, and what it has begun with."""
        if self._project:
            self._project.end()
        begun.pop(self.variables[ROOT], None)


def watch(project: "Project", mode: str) -> tuple[str, ...]:
    """
    Look who listens on the ports of a project; return the warnings.

    Raises:
        PortconfError: As `Project.guard` does.
    """
    from portconf.settings import Guard  # noqa: PLC0415 - loaded with the project

    return project.guard(mode=Guard(mode)).notes


def equip(
    folder: str, *, isolate: str | None, worker: tuple[str, str] | None
) -> Equipment | None:
    """
    Give this process the ports that it is to have.

    Args:
        folder: Where to look for a project.
        isolate: Who has ports of its own; None stands for what is declared.
        worker: For a worker of pytest-xdist that has a block of its own, who has leased
            it with the registry's file, and the name of the worker; None for any other
            process.

    Returns:
        None where there is no project.

    Raises:
        PortconfError: If the ports are not to be had.
    """
    if worker is None:
        known = _remembered(folder, isolate)
        if known and known.isolate != "run":
            begun[known.variables[ROOT]] = known.registry
            return known
    from portconf.project import Project  # noqa: PLC0415 - a plain run needs none

    project = Project.holding(folder)
    if project is None:
        return None
    chosen = isolate or project.settings.tests.isolate
    if worker:
        controller, _, registry = worker[0].partition(" ")
        if os.path.exists(registry):  # it may be another machine's
            begun[project.root] = registry
        project = project.adopted(controller, worker[1])
    elif chosen == "run" and project.runs().current() is None:
        (project,) = project.isolated("pytest")
    variables = project.variables()  # which are remembered, as long as nothing is begun
    facts = {**project.held(project.plan()).facts(""), "isolate": chosen}
    begun[project.root] = project.leases().access(make=True)
    return Equipment(variables, facts, project=project)


def listed(folder: str) -> Mapping[str, str]:
    """
    Return the variables for a run that only lists the tests.

    Nothing is taken for it and nothing fails: empty where they are not known.
    """
    from portconf.errors import PortconfError  # noqa: PLC0415 - loaded for lists only
    from portconf.project import Project  # noqa: PLC0415

    known = _remembered(folder, None)
    if known:
        return known.variables
    try:
        project = Project.holding(folder)
        return project.listed_variables() if project else {}
    except PortconfError:
        return {}


def _remembered(folder: str, isolate: str | None) -> Equipment | None:
    """Return what the snapshot of the project has, if it holds."""
    found = snapshot.read(os.path.realpath(folder))
    if found is None:
        return None
    ports, variables, facts = found
    if isolate:
        facts["isolate"] = isolate
    return Equipment(variables, facts, known=ports)
