"""The ports that a command is started with: held for it, or handed over to it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from portconf import sightings, sockets
from portconf.errors import PortconfError, PortInUseError, UsageError
from portconf.inspection import Inspection
from portconf.kinds import did_you_mean
from portconf.model import Protocol
from portconf.ownership import Sighting, Verdict
from portconf.registry.values import Lease
from portconf.sockets import Bindable, Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    What is to be bound before a command is started.

    Attributes:
        ports: What is spoken on each.
        services: By port, whose it is.
        served: The ports that are handed over, in their order.
        notes: What is left alone, a sentence each.
    """

    ports: Mapping[int, Protocol]
    services: Mapping[int, str]
    served: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def wanted(inspection: Inspection, *, hold: bool, passed: Iterable[str]) -> Wanted:
    """
    Say what is to be bound; nothing is yet.

    Args:
        inspection: The project, with the lease that the command gets.
        hold: Whether to hold the ports of all services, but the shared ones.
        passed: The services whose sockets are handed over.

    Raises:
        UsageError: If there is no such service, if it is shared and this is not the
            main checkout, or if this system cannot hold a port.
    """
    ports = inspection.ports()
    declared = inspection.standing.settings.by_name()
    lease = inspection.standing.lease
    names = tuple(dict.fromkeys(passed))
    for name in names:
        if name not in ports:
            raise UsageError(
                f"no service is named {name!r}{did_you_mean(name, list(ports))}",
                hint="'portconf status' lists them, and '--' ends the names:"
                " portconf run --pass-sockets NAME ... -- CMD",
            )
        if name in declared and declared[name].shared and lease and lease.instance:
            raise UsageError(
                f"{name!r} is shared: the main checkout's server has its port",
                hint="start it in the main checkout",
            )
    if names and not sockets.can_leave():
        raise UsageError(
            "this system cannot hand a socket over to a command",
            hint="let the server bind its port: {port:NAME} in CMD is its number",
        )
    if hold and not sockets.can_hold():
        raise UsageError(
            "this system cannot hold a port that a server is still to bind: only Linux"
            " can",
            hint="hand sockets over with --pass-sockets, if the server takes them",
        )
    spoken = {
        name: declared[name].protocol if name in declared else Protocol.TCP
        for name in ports
    }
    own = [n for n in ports if not (n in declared and declared[n].shared)]
    held = [n for n in own if hold and spoken[n] is Protocol.TCP and n not in names]
    silent = [n for n in own if hold and spoken[n] is Protocol.UDP and n not in names]
    every = (*names, *held)
    return Wanted(
        ports={ports[name]: spoken[name] for name in every},
        services={ports[name]: name for name in every},
        served=tuple(ports[name] for name in names),
        notes=tuple(
            f"{name} is not held: a socket of UDP would get its packets"
            for name in silent
        ),
    )


class Trial:
    """
    Binds the ports of the blocks that are offered to a run: the bind is the test.

    Args:
        wanted: Says what is to be bound with a lease.

    Attributes:
        ports: Those of the last block that were to be bound.
        held: Their sockets, if all of them could be.
    """

    def __init__(self, wanted: Callable[[Lease | None], Wanted]) -> None:
        self.wanted = wanted
        self.ports: Mapping[int, Protocol] = {}
        self.held = Held()

    def __call__(self, lease: Lease) -> Mapping[int, str]:
        """Return the ports of a new lease that are not to be had, with the reason."""
        self.held.close()
        wanted, block = self.wanted(lease), lease.block.ports() if lease.block else ()
        # A fixed port is no other in the next block.
        self.ports = {p: each for p, each in wanted.ports.items() if p in block}
        self.held, refused = sockets.hold(
            self.ports, listen=[port for port in wanted.served if port in block]
        )
        return {port: str(reason) for port, reason in refused.items()}


def bind(
    trial: Trial, inspection: Inspection
) -> tuple[Held, tuple[int, ...], tuple[str, ...]]:
    """
    Bind what is wanted, but for what a trial has bound already.

    A port that this checkout has already, as a server of the dev stack, is not held
    and not refused: it is kept from others as it is.

    Returns:
        The sockets; the ports of those that are handed over, in their order; and what
        was left alone, a sentence each.

    Raises:
        ForeignListenerError: If somebody else listens on one.
        PortInUseError: If one cannot be bound for another reason.
    """
    wanted = trial.wanted(inspection.standing.lease)
    ports = {p: each for p, each in wanted.ports.items() if p not in trial.ports}
    served = [port for port in wanted.served if port in ports]
    notes = list(wanted.notes)
    while True:
        made, refused = sockets.hold(ports, listen=served)
        if not refused:
            held = Held(
                listening={**trial.held.listening, **made.listening},
                silent=(*trial.held.silent, *made.silent),
            )
            return held, wanted.served, tuple(notes)
        seen = _owners(refused, ports, inspection)
        for port, each in seen.items():
            if each.verdict is Verdict.OURS and port not in wanted.served:
                notes.append(f"{wanted.services[port]} is not held: {each.text} has it")
                del refused[port], ports[port]
        if refused:
            raise _refusal(refused, seen, wanted.services, inspection)


def in_use(
    port: int, protocol: Protocol, service: str, inspection: Inspection
) -> PortconfError:
    """Return the error for a port of a service that a bind was refused on."""
    refused = sockets.unusable({port: protocol}) or {port: Bindable.HELD}
    seen = _owners(refused, {port: protocol}, inspection)
    return _refusal(refused, seen, {port: service}, inspection)


def _owners(
    refused: Mapping[int, Bindable],
    ports: Mapping[int, Protocol],
    inspection: Inspection,
) -> dict[int, Sighting]:
    """Return who has the refused ports, as far as that can be seen."""
    folder = inspection.standing.folder
    spoken = {port: ports[port] for port in refused}
    held = {port: spoken[port] for port in refused if refused[port] is Bindable.HELD}
    return sightings.look(held, folder, silent=True) | sightings.look(spoken, folder)


def _refusal(
    refused: Mapping[int, Bindable],
    seen: Mapping[int, Sighting],
    services: Mapping[int, str],
    inspection: Inspection,
) -> PortconfError:
    """Word who is in the way; in the guard's words where somebody else listens."""
    foreign = {
        port: each
        for port, each in seen.items()
        if each.verdict is Verdict.FOREIGN and refused[port] is Bindable.LISTENING
    }
    lines = tuple(
        f"port {port} of {services[port]!r} cannot be bound:"
        f" {_reason(refused[port], seen.get(port))}"
        for port in refused
        if port not in foreign
    )
    if foreign:
        told = [(services[port], each) for port, each in foreign.items()]
        return inspection.refusal(told, lines)
    stops = dict.fromkeys(
        f"stop it: kill {each.process.pid}"
        for port in refused
        if (each := seen.get(port)) and each.process
    )
    return PortInUseError(
        "\n".join(lines), ports=refused, hint="\n".join(stops) or None
    )


def _reason(refused: Bindable, seen: Sighting | None) -> str:
    who = seen.text if seen else "a process that cannot be seen"
    match refused:
        case Bindable.LISTENING:
            return f"{who} listens there"
        case Bindable.WAITING:
            return "connections that have just ended still have it, for a minute"
        case _:
            return f"{who} has it without listening, or the system refuses it"
