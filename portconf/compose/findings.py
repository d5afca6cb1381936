"""Where the Compose files and the declaration disagree, a sentence each."""

import re
from collections.abc import Iterator, Mapping

from portconf.compose import clashes, images, interpolation, matching
from portconf.compose.interpolation import Variable, demand
from portconf.compose.values import Fixed, Published, Spot, Stack
from portconf.model import Service
from portconf.settings import Settings


# The first service's port; NEXT_PORT is nobody's yet, and then the next service's.
_OWN = {"BASE_PORT"}
# A default in a default in a default: a text of them alone would take very long.
_DEEPEST = 10
_MOST_RIVALS = 100


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
    found += _twice(stack, settings)
    exempt = _exempt(stack, ports, settings)
    found += [(each.spot, text) for each, text in _fixed(stack, settings, exempt)]
    return tuple(
        dict.fromkeys(f"{spot.file}:{spot.line}: {text}" for spot, text in found)
    )


def _undeclared(
    entry: Published, service: Service | None, settings: Settings, stay: set[int]
) -> str | None:
    """Return what is wrong with the port on the host, or None."""
    known = _known(settings)
    mine = _mine(entry.published, known)
    literal = re.fullmatch("[0-9]+", entry.published)
    if mine is not None:
        return _bare(entry, mine)
    if _chosen(entry.published) or (literal and int(entry.published) in stay):
        return None
    port = f"{entry.service!r} publishes the host port {entry.published}"
    parts = sorted(interpolation.variables(entry.published) & known)
    if parts:
        return (
            f"{port}, which is more than a variable of portconf's:"
            f" write {demand(parts[0])} alone"
        )
    if service is not None:
        return (
            f"{port} where the port of {service.name!r} should be:"
            f" write {demand(service.variable)}"
        )
    if re.fullmatch("[0-9]+-[0-9]+", entry.published):
        return (
            f"{port}, which no service can have, as it has one port: write an entry for"
            " each, with the variable of a declared service"
        )
    return (
        f"{port}, which no declared service has: declare one"
        f"{f' (with port = {entry.published} if it must not move)' if literal else ''},"
        " and write its variable there"
    )


def _known(settings: Settings) -> set[str]:
    """Return the variables of ours."""
    whole = matching.variables(settings.services, settings).keys()
    return {*whole, *_OWN, *(each.variable for each in settings.templates)}


def _mine(text: str, known: set[str]) -> Variable | None:
    """Return the variable of ours that a text is, or that stands for an unset one."""
    found = interpolation.whole(text)
    for _ in range(_DEEPEST):
        if found is None or found.name in known:
            return found
        found = interpolation.whole(found.default or "")
    return None


def _chosen(text: str) -> bool:
    """Tell whether Docker chooses the port, as far as anybody can see here."""
    found = interpolation.whole(text)
    text = text if found is None or found.default is None else found.default
    return not text.strip("0")


def _bare(entry: Published, mine: Variable) -> str | None:
    """Return that a variable may be unset, or None."""
    # With the same on the right, Compose refuses the entry.
    if mine.sign or mine == interpolation.whole(entry.target):
        return None
    return (
        f"{entry.service!r} publishes {entry.published}, and where that is not set a"
        f" random port: write {demand(mine.name)}"
    )


def _twice(stack: Stack, settings: Settings) -> Iterator[tuple[Spot, str]]:
    """Yield the entries whose port of ours another entry has already."""
    known = matching.variables(settings.services, settings)
    had: dict[str, list[Published]] = {}
    for each in stack.ports:
        name = known.get(interpolation.variable(each.published) or "")
        if name is None:
            continue
        before = had.setdefault(name, [])
        rivals = before[:_MOST_RIVALS]
        other = next((e for e in rivals if clashes.clash(e, each, stack)), None)
        before.append(each)
        if other is not None:
            told = (
                f"{each.service!r} publishes the port of {name!r}, as {other.service!r}"
                f" does in {other.spot.file}:{other.spot.line}, and only one of them"
                " can have it: declare a service for each"
            )
            yield each.spot, told


def _misled(entry: Published, service: Service | None, stack: Stack) -> str | None:
    """Return what is wrong with the port in the container, or None."""
    name = interpolation.variable(entry.target)
    if not name and not re.fullmatch("[0-9]+", entry.target):
        return None
    # Who tells the server its port, tells it here.
    words = re.findall(r"\w+", stack.started.get(entry.service, ""))
    if (name or entry.target) in words:
        return None
    image = stack.images.get(entry.service, "")
    listens = repr(image)
    right: int | None = None
    if service is not None and service.container_port is not None:
        right, listens = service.container_port, "its server"
    elif entry.service not in stack.built:
        right = images.port(image)
    if right is None or entry.target == str(right):
        return None
    if name and name == interpolation.variable(entry.published):
        moved = True
    else:
        # A server may have a second port that nobody here knows.
        alone = [each.service for each in stack.ports].count(entry.service) == 1
        moved = entry.target == entry.published and (service is not None or alone)
    if moved:
        # A command or an env file that is not read here may tell it its port.
        if entry.service in stack.untold:
            return None
        return (
            f"{entry.service!r} has {entry.published} on both sides of ':', and"
            f" {listens} listens on {right} in the container: write {right} on"
            " the right, or declare another container-port"
        )
    if service is not None and service.container_port is not None and not name:
        return (
            f"{entry.service!r} publishes the port {entry.target} of its container as"
            f" {service.name!r}, whose container-port is {right}"
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
