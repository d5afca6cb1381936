"""Where the Compose files and the declaration disagree, a sentence each."""

import re
from collections.abc import Iterator, Mapping

from portconf.compose import entries, images, matching
from portconf.compose.values import Fixed, Published, Spot, Stack
from portconf.model import Service
from portconf.settings import Settings


# Variables of ours that are no service's.
_OWN = {"BASE_PORT", "NEXT_PORT"}


def of_stack(
    stack: Stack, settings: Settings, assigned: Mapping[str, int], *, overridden: bool
) -> tuple[str, ...]:
    """
    Return what is wrong with a project's Compose files.

    Args:
        stack: The files.
        settings: The declaration.
        assigned: The ports of the plan, by service.
        overridden: Whether our override file replaces the ports of declared services.
    """
    declared = settings.by_name()
    names = matching.matched(stack, settings.services, settings)
    ours = [declared[name] if name is not None else None for name in names]
    ports = list(zip(stack.ports, ours, strict=True))
    stay = {
        port
        for name, port in assigned.items()
        if name in declared and (declared[name].shared or declared[name].port == port)
    }
    found: list[tuple[Spot, str]] = []
    for entry, service in ports:
        if service is not None and service.shared:
            continue
        covered = overridden and service is not None
        outside = None if covered else _undeclared(entry, service, settings, stay)
        inside = _misled(entry, service, stack)
        found += [(entry.spot, told) for told in (outside, inside) if told]
    exempt = _exempt(stack, ports, settings)
    found += [(each.spot, text) for each, text in _fixed(stack, settings, exempt)]
    return tuple(
        dict.fromkeys(f"{spot.file}:{spot.line}: {text}" for spot, text in found)
    )


def _undeclared(
    entry: Published, service: Service | None, settings: Settings, stay: set[int]
) -> str | None:
    """Return what is wrong with the port on the host, or None."""
    named = entries.variables(entry.published)
    known = matching.variables(settings.services, settings).keys() | _OWN
    known |= {each.variable for each in settings.templates}
    literal = re.fullmatch("[0-9]+", entry.published)
    if not entry.published or named & known:
        return None
    if literal and int(entry.published) in stay:
        return None
    port = f"{entry.service!r} publishes the host port {entry.published}"
    if service is not None:
        return (
            f"{port} where the port of {service.name!r} should be:"
            f" write ${{{service.variable}:?run portconf init}}"
        )
    return (
        f"{port}, which no declared service has: declare one"
        f"{f' (with port = {entry.published} if it must not move)' if literal else ''},"
        " and write its variable there"
    )


def _misled(entry: Published, service: Service | None, stack: Stack) -> str | None:
    """Return what is wrong with the port in the container, or None."""
    name = entries.variable(entry.target)
    if not name and not re.fullmatch("[0-9]+", entry.target):
        return None
    # Who tells the server its port, tells it here.
    words = re.findall(r"\w+", stack.started.get(entry.service, ""))
    if (name or entry.target) in words:
        return None
    image = stack.images.get(entry.service, "")
    listens = repr(image)
    right: tuple[int, ...] = ()
    if service is not None and service.container_port is not None:
        right, listens = (service.container_port,), "its server"
    elif entry.service not in stack.built:
        right = images.ports(image)
    if not right or entry.target in map(str, right):
        return None
    if name and name == entries.variable(entry.published):
        moved = True
    else:
        # A server may have a second port that nobody here knows.
        alone = [each.service for each in stack.ports].count(entry.service) == 1
        moved = entry.target == entry.published and (service is not None or alone)
    if moved:
        return (
            f"{entry.service!r} has {entry.published} on both sides of ':', and"
            f" {listens} listens on {right[0]} in the container: write {right[0]} on"
            " the right, or declare another container-port"
        )
    if service is not None and service.container_port is not None and not name:
        return (
            f"{entry.service!r} publishes the port {entry.target} of its container as"
            f" {service.name!r}, whose container-port is {right[0]}"
        )
    return None


def _exempt(
    stack: Stack, ports: list[tuple[Published, Service | None]], settings: Settings
) -> set[str]:
    """Return the Compose services that all checkouts share on purpose."""
    shared = {each.name for each in settings.services if each.shared}
    found = {
        entry.service for entry, service in ports if service and service.name in shared
    }
    return found | (shared & set(stack.services))


def _fixed(
    stack: Stack, settings: Settings, exempt: set[str]
) -> Iterator[tuple[Fixed, str]]:
    """Yield the names that two checkouts would share."""
    theirs = {name for each in exempt for name in stack.uses.get(each, ())}
    words = {"container_name": "container", "volume": "volume", "network": "network"}
    for each in stack.fixed:
        if each.kind == "project":
            # COMPOSE_PROJECT_NAME of an env file wins over it.
            if settings.dotenv is None and settings.compose_env is None:
                yield (
                    each,
                    (
                        f"the project is named {each.name!r} in every checkout, and no env"
                        " file says otherwise: leave the name out"
                    ),
                )
        elif each.owner not in (exempt if each.kind == "container_name" else theirs):
            key = "container_name" if each.kind == "container_name" else "name"
            yield (
                each,
                (
                    f"the {words[each.kind]} of {each.owner!r} is named {each.name!r} in"
                    f" every checkout: leave {key!r} out, or write"
                    " ${COMPOSE_PROJECT_NAME} into it"
                ),
            )
