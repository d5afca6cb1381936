"""The probes: one module per way to ask a service whether it answers."""

from collections.abc import Callable, Mapping
from typing import assert_never

from portconf.health import LOOPBACK, Kind
from portconf.model import SECURE, Service
from portconf.probes.protocol import Probe


def of(
    service: Service,
    port: int,
    *,
    folder: str,
    environment: Callable[[], Mapping[str, str]],
) -> tuple[Probe, ...]:
    """
    Return the probes of a service; it is healthy as soon as one of them says so.

    Args:
        service: The service.
        port: Its effective port.
        folder: Where a command runs.
        environment: What makes a command's variables; not called for other kinds.
    """
    # Each kind loads what it needs: urllib3 alone takes as long as three starts.
    kind = Kind.of(service)
    match kind:
        case Kind.TCP:
            from portconf.probes.tcp import Tcp  # noqa: PLC0415

            return tuple(Tcp(address, port) for address in LOOPBACK)
        case Kind.UDP:
            from portconf.probes.udp import Udp  # noqa: PLC0415

            return (Udp(port),)
        case Kind.HTTP:
            from portconf.probes.http import Http  # noqa: PLC0415

            path, secure = str(service.health), service.scheme in SECURE
            return tuple(
                Http(address, port, path=path, secure=secure) for address in LOOPBACK
            )
        case Kind.COMMAND:
            from portconf.probes.command import Command  # noqa: PLC0415

            words = tuple(service.health or ())
            return (Command(words, folder=folder, environment=environment()),)
        case other:
            assert_never(other)
