"""Which container publishes which port, asked of the Docker Engine API."""

import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from portconf.model import Protocol
from portconf.ownership import Container


_DEFAULT = "/var/run/docker.sock"
_SCHEME = "unix://"
# By HTTP 1.0 the answer comes in one piece and ends with the connection; the parser
# for more, `http.client`, takes longer to load than Docker to answer.
_REQUEST = b"GET /containers/json HTTP/1.0\r\nHost: docker\r\nAccept: */*\r\n\r\n"
# A container takes about 3 kB.
_MOST = 4 << 20
_PART = 1 << 16
_LABEL = "com.docker.compose.project"


def containers(timeout: float = 1.0) -> dict[tuple[int, Protocol, str], Container]:
    """
    Return the running containers by the ports of this machine that they publish.

    The engine is that of `DOCKER_HOST` or, without it, of /var/run/docker.sock. One
    on another machine is not asked: its ports are not ours.

    Args:
        timeout: Seconds for all of it; above 0.

    Returns:
        By port, protocol and address; an empty address where the engine names none.
        Empty where there is no engine, or none that answers, in time and in words
        that are understood.
    """
    path = _path(os.environ.get("DOCKER_HOST", ""))
    if path is None or not hasattr(socket, "AF_UNIX"):
        return {}
    try:
        answer = _ask(path, time.monotonic() + timeout)
        # ValueError: a path with a NUL, what is not JSON; RecursionError: too deep.
        return dict(_published(_decoded(answer)))
    except (OSError, ValueError, RecursionError):
        return {}


def _path(host: str) -> str | None:
    if not host:
        return _DEFAULT
    return host.removeprefix(_SCHEME) if host.startswith(_SCHEME) else None


def _ask(path: str, until: float) -> bytes:
    """Return all that the engine answers, headers and body."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(_left(until))
        channel.connect(path)
        channel.sendall(_REQUEST)
        parts: list[bytes] = []
        size = 0
        while True:
            # Set anew: an engine that trickles would have the whole time for each part.
            channel.settimeout(_left(until))
            part = channel.recv(_PART)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > _MOST:
                raise OSError("the engine does not come to an end")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:  # 0 would mean: do not wait, and less is refused
        raise TimeoutError("the engine does not answer in time")
    return left


def _decoded(answer: bytes) -> Any:
    import json  # noqa: PLC0415 - only where an engine answers

    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split()
    if len(status) < 2 or not status[0].startswith(b"HTTP/") or status[1] != b"200":  # noqa: PLR2004 - HTTP/1.0 200
        raise ValueError("not an answer that says yes")
    return json.loads(body)


def _published(answer: Any) -> Iterator[tuple[tuple[int, Protocol, str], Container]]:
    for each in answer if isinstance(answer, list) else ():
        if not isinstance(each, dict):
            continue
        container = _container(each)
        mapped = each.get("Ports")
        for one in mapped if isinstance(mapped, list) else ():
            # One that is exposed and not published has no port of the host.
            port = one.get("PublicPort") if isinstance(one, dict) else None
            if container and isinstance(port, int) and 0 < port < 1 << 16:
                yield (port, _protocol(one), _address(one)), container


def _protocol(one: dict[str, Any]) -> Protocol:
    return Protocol.UDP if one.get("Type") == "udp" else Protocol.TCP


def _address(one: dict[str, Any]) -> str:
    """Return where a port is published; empty where the engine does not say."""
    address = one.get("IP")
    return address if isinstance(address, str) else ""


def _container(each: dict[str, Any]) -> Container | None:
    names, labels = each.get("Names"), each.get("Labels")
    name = names[0] if isinstance(names, list) and names else each.get("Id")
    if not isinstance(name, str) or not name.strip("/"):
        return None
    said = labels if isinstance(labels, dict) else {}
    project, folder = said.get(_LABEL), said.get(f"{_LABEL}.working_dir")
    return Container(
        name=name.removeprefix("/"),
        project=project if isinstance(project, str) and project else None,
        folder=folder if isinstance(folder, str) and folder else None,
    )
