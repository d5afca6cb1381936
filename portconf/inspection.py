"""What there is to see of a project: its status, its guard, where a number comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from portconf import files, findings, sightings, variables
from portconf.decisions import Standing
from portconf.environment import STAMP
from portconf.errors import AssignmentError, ForeignListenerError
from portconf.model import Plan, Protocol
from portconf.ownership import Sighting, Verdict
from portconf.reports import Explanation
from portconf.settings import PYPROJECT, Guard
from portconf.status import Status, Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """
    One look at a project and at who listens on its ports.

    Attributes:
        standing: The project, with the lease that it has.
        plan: What is kept.
        leased: Whether its effective ports are known: by a lease, or because the
            registry is off.
        cautions: What its registry does not protect.
    """

    standing: Standing
    plan: Plan
    leased: bool
    cautions: tuple[str, ...] = ()

    def ports(self) -> dict[str, int]:
        """Return the effective ports, by service; empty where they are not known."""
        return self.standing.ports(self.plan) if self.leased else {}

    def listeners(self) -> dict[int, Sighting]:
        """Return who listens on the effective ports."""
        declared = self.standing.settings.by_name()
        spoken = {
            port: declared[name].protocol if name in declared else Protocol.TCP
            for name, port in self.ports().items()
        }
        return sightings.look(spoken, self.standing.folder) if spoken else {}

    def stale_shell(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """Return what is wrong with the exports that a shell has sourced."""
        stamp = None
        services = self.standing.settings.services
        if self.leased and all(each.name in self.plan.services for each in services):
            stamp = self.standing.variables(self.plan)[STAMP]
        root = self.standing.folder.root
        told = findings.of_shell(environment, root=root, stamp=stamp)
        return (told,) if told else ()

    def status(self, environment: Mapping[str, str]) -> Status:
        """Return the services, their ports and who listens on them."""
        lacking = () if self.leased or not self.plan.services else (_NO_LEASE,)
        return Status.of(
            self.plan,
            self.standing.settings,
            root=self.standing.folder.root,
            ports=self.ports(),
            seen=self.listeners(),
            lease=self.standing.lease,
            notes=(*lacking, *self.cautions, *self.stale_shell(environment)),
        )

    def guard(self, environment: Mapping[str, str], *, mode: Guard) -> Watched:
        """
        Return who listens on our ports, shared ones excepted.

        Raises:
            ForeignListenerError: If one is somebody else's, and ``mode`` says so.
        """
        declared = self.standing.settings.by_name()
        names = {
            port: name
            for name, port in self.ports().items()
            if not (name in declared and declared[name].shared)
        }
        seen = self.listeners() if mode is not Guard.OFF else {}
        told = [(names[p], seen[p]) for p in sorted(seen) if p in names]
        foreign = [pair for pair in told if pair[1].verdict is Verdict.FOREIGN]
        if foreign and mode is Guard.ERROR:
            raise self.refusal(foreign, self.stale_shell(environment))
        doubtful = [
            _worded(name, each)
            for name, each in told
            if each.verdict in (Verdict.FOREIGN, Verdict.UNKNOWN)
        ]
        return Watched(
            root=self.standing.folder.root,
            seen=tuple(told),
            notes=(*doubtful, *self.cautions, *self.stale_shell(environment)),
        )

    def refuse_running(self) -> None:
        """
        Refuse to take the ports of our services away while they listen.

        Raises:
            AssignmentError: If one does.
        """
        names = {port: name for name, port in self.ports().items()}
        ours = [
            f"{names[port]!r} ({seen.text})"
            for port, seen in sorted(self.listeners().items())
            if seen.verdict is Verdict.OURS
        ]
        if ours:
            raise AssignmentError(
                f"services of this checkout still listen: {', '.join(ours)}",
                hint="stop them first, or use --force",
            )

    def why(self, name: str, environment: Mapping[str, str]) -> Explanation:
        """Explain where the number of an assigned service comes from."""
        from portconf import explain, exports  # noqa: PLC0415 - not for the guard

        folder, settings = self.standing.folder, self.standing.settings
        names = [PYPROJECT, settings.assignments]
        names += [target.name for target in exports.targets(settings)]
        read = {each: files.read(folder.file(each)) for each in names}
        port = self.ports().get(name)
        return explain.explain(
            name,
            settings,
            self.plan,
            {
                each: (data or b"").decode(errors="replace")
                for each, data in read.items()
            },
            environment,
            variable=variables.variable(settings, name),
            port=port,
            lease=self.standing.lease,
            listens=self.listeners().get(port or 0),
        )

    def refusal(
        self, foreign: list[tuple[str, Sighting]], notes: tuple[str, ...] = ()
    ) -> ForeignListenerError:
        """
        Word who is in the way, and the two commands that mend it.

        Args:
            foreign: Services with who listens on their ports; at least one.
            notes: What else is to be said, a sentence each.
        """
        stops = dict.fromkeys(_stopping(each) for _, each in foreign)
        declared = self.standing.settings.by_name()
        fixed = {
            name
            for name, each in foreign
            if variables.stays(declared.get(name), each.port)
        }
        leave = "give this checkout other ports: portconf init --relocate"
        if fixed:
            leave = f"give {', '.join(sorted(fixed))} another port in {PYPROJECT}"
        return ForeignListenerError(
            "\n".join((*(_worded(name, each) for name, each in foreign), *notes)),
            listeners=[{"service": name} | each.to_dict() for name, each in foreign],
            hint="\n".join((*(f"stop it: {stop}" for stop in stops), f"or {leave}")),
        )


_NO_LEASE = "this checkout has no lease yet: run 'portconf init'"


def _worded(name: str, seen: Sighting) -> str:
    whose = "somebody else's" if seen.verdict is Verdict.FOREIGN else "perhaps not ours"
    return f"port {seen.port} of {name!r} is {whose}: {seen.text} listens there"


def _stopping(seen: Sighting) -> str:
    """Return the command that ends a listener."""
    if seen.container:
        return f"docker stop {seen.container.name}"
    return f"kill {seen.process.pid}" if seen.process else "ask its user"
