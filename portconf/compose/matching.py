"""Which entry of a Compose file publishes which service of ours."""

import re
from collections.abc import Iterable

from portconf.compose import interpolation
from portconf.compose.values import Published, Stack
from portconf.model import Endpoint, Service
from portconf.settings import Settings


def variables(
    services: Iterable[Service | Endpoint], settings: Settings
) -> dict[str, str]:
    """Return the service of each variable whose value is a port and nothing else."""
    whole = {
        each.variable: each.services[0]
        for each in settings.templates
        if len(each.services) == 1 and each.text == f"{{{each.services[0]}}}"
    }
    return {**whole, **{each.variable: each.name for each in services}}


def matched(
    stack: Stack, services: Iterable[Service | Endpoint], settings: Settings
) -> tuple[str | None, ...]:
    """
    Return the name of our service that each port of a stack is, or None.

    First what has the service's variable. Of the other services, the one that has the
    name of a Compose service; then the one whose container port is published once.
    Where two would do, neither is taken.

    Args:
        stack: The Compose files.
        services: Ours.
        settings: The declaration.
    """
    ours = list(services)
    known = variables(ours, settings)
    found: list[str | None] = []
    for each in stack.ports:
        name = interpolation.variable(each.published)
        found.append(known.get(name) if name and _single(each) else None)
    for rule in (_of_the_same_name, _of_the_same_port):
        for service in ours:
            rivals = [each for each in ours if each.name not in found]
            if service not in rivals:
                continue
            free = {
                index: each
                for index, each in enumerate(stack.ports)
                if found[index] is None and _single(each)
            }
            for index in rule(service, free, rivals):
                found[index] = service.name
    return tuple(found)


def _single(entry: Published) -> bool:
    """Tell whether one port of a container is published, and where is known."""
    return bool(
        re.fullmatch("[0-9]+", entry.target) or interpolation.variable(entry.target)
    )


def _of_the_same_name(
    service: Service | Endpoint,
    free: dict[int, Published],
    _rivals: list[Service | Endpoint],
) -> list[int]:
    named = {
        index: each
        for index, each in free.items()
        if each.service == service.name and each.protocol == service.protocol
    }
    if service.container_port is not None:
        return [i for i, e in named.items() if e.target == str(service.container_port)]
    return list(named) if len({each.target for each in named.values()}) == 1 else []


def _of_the_same_port(
    service: Service | Endpoint,
    free: dict[int, Published],
    rivals: list[Service | Endpoint],
) -> list[int]:
    inside = (service.container_port, service.protocol)
    if [(each.container_port, each.protocol) for each in rivals].count(inside) > 1:
        return []
    fitting = {
        index: each
        for index, each in free.items()
        if each.target == str(service.container_port)
        and each.protocol == service.protocol
    }
    return (
        list(fitting) if len({each.service for each in fitting.values()}) == 1 else []
    )
