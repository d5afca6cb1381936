"""The socket of a service: adopted from who has handed it over, or bound here."""

import errno
import os
from typing import TYPE_CHECKING

from portconf import handover, launch, sockets
from portconf.errors import PortconfError
from portconf.model import Protocol
from portconf.project import Project


if TYPE_CHECKING:
    import socket  # noqa: TID251 - the name of what is returned


def listen(service_name: str) -> "socket.socket":
    """
    Return a socket that listens for a service.

    Where one was handed over to this process, by `portconf run --pass-sockets` or by
    systemd under the service's name, it is that one: nobody could come in between.
    Else the service's effective port in the project that holds the current directory
    is bound, on 127.0.0.1 and with `SO_REUSEADDR`; it may be taken by then.

    Each call returns a socket of its own, which the caller closes. What was handed
    over stays open until the process ends: it listens also while no socket of it is
    left, and a second call gets it again. It is handed to this process alone: a child
    that calls `listen` finds the port in use, and is to be given the socket.

    Args:
        service_name: An assigned service. One of UDP gets a bound datagram socket.

    Raises:
        ForeignListenerError: If somebody else listens on the port.
        PortInUseError: If it cannot be bound for another reason.
        ConfigError: If nothing was handed over and this is no project.
        AssignmentError: If the service has no port.
        StoreError: If the assignments file is refused.
        RegistryError: If no lease is to be had.
    """
    number = handover.descriptor(os.environ, service_name, pid=os.getpid())
    if number is not None:
        try:
            return sockets.adopt(number)
        except OSError as error:
            raise PortconfError(
                f"descriptor {number}, handed over for {service_name!r}, is no open"
                f" socket: {error.strerror}"
            ) from error
    return serving(Project.find(), service_name)


def serving(project: Project, service_name: str) -> "socket.socket":
    """
    Return a socket that listens on the effective port of a project's service.

    Raises:
        PortconfError: As `listen` does.
    """
    port = project.get(service_name)
    service = project.settings.service(service_name)
    protocol = service.protocol if service else Protocol.TCP
    try:
        return sockets.serve(port, protocol)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        looking = project.inspection(None)
        raise launch.in_use(port, protocol, service_name, looking) from error
