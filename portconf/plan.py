"""
Which service has which port: a pure function of the declaration and what was kept.

The rules.

1. The first service gets the base port, each new one the next number up.
2. A service keeps its port until it is released or everything is reset; adding,
   reordering or removing declarations moves nobody.
3. A released number is not handed out again before a reset.
4. The sequence steps over privileged ports, ports that browsers refuse, and ports
   that a declaration fixes.
5. `port = N` gives that number and no other, also to a service that had one.
6. The base port is that of the first assignment until everything is reset.
7. Two services on one port, which a git merge can leave: the one declared first
   keeps it, the other gets the next number.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from portconf.errors import ConfigError, PortConflictError, RangeExhaustedError
from portconf.model import Assignment, Change, Plan, PortRange, Service


PRIVILEGED_LAST = 1023
# "Bad ports" of the WHATWG Fetch standard (section "port blocking") above 1023:
# browsers and node's fetch refuse them, so a server there would look dead.
BROWSER_BLOCKED = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566}
    | {6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)


def begin(base_port: int) -> Plan:
    """Return the plan that has no service yet."""
    return Plan(base_port=base_port, next_port=_next(base_port, frozenset()))


def resume(kept: Plan | None, base_port: int) -> Plan:
    """
    Return the plan to go on from.

    Args:
        kept: What is kept, or None.
        base_port: The declared base port, which counts while nothing is assigned.
    """
    if kept is None or kept == begin(kept.base_port):
        return begin(base_port)
    return kept


def why_not(port: int) -> str | None:
    """
    Return why the sequence never hands ``port`` out, or None where it does.

    Examples:
        >>> why_not(4045)
        'browsers refuse it'
    """
    if port <= PRIVILEGED_LAST:
        return "privileged"
    if port in BROWSER_BLOCKED:
        return "browsers refuse it"
    return None


def extend(
    plan: Plan,
    services: Iterable[Service],
    *,
    last_port: int,
    ephemeral: PortRange | None = None,
    avoid: Iterable[int] = (),
) -> tuple[Plan, tuple[Change, ...]]:
    """
    Give each service its number.

    Args:
        plan: What is kept; may hold two services on one port.
        services: The services, in the order of their declaration.
        last_port: Last port of the sequence, itself included.
        ephemeral: The kernel's range for outgoing connections, or None where it is
            not known. Only a new sequential number is held against it.
        avoid: Further ports that the sequence steps over, such as those fixed for
            services that are not among ``services``.

    Returns:
        The plan with all of them, and what changed, in the order of ``services``.

    Raises:
        PortConflictError: If a fixed port is another service's.
        RangeExhaustedError: If the sequence ends; nothing is assigned then.
        ConfigError: If a number is needed and the range reaches into ``ephemeral``.
    """
    wanted: tuple[_Wanted, ...] = tuple(services)
    kept, reasons = _healed(plan, wanted)
    wanted += _undeclared_losers(plan, wanted, reasons)
    moving = [each for each in wanted if each.port and _has_other(each, kept)]
    for mover in moving:
        del kept[mover.name]  # first, so that one may take what another leaves
    for service in wanted:
        if service.port:
            _fix(service, service.port, kept, reasons)
    released = set(plan.released) - {each.port for each in wanted}
    for mover in moving:
        released |= _given_up(plan, mover.name, kept)
    used = {each.port for each in kept.values()} | released | set(avoid)
    used |= {service.port for service in wanted if service.port}
    cursor = plan.next_port
    if any(service.name not in kept for service in wanted):
        _check_range(plan.base_port, last_port, ephemeral)
    for service in wanted:
        port = kept[service.name].port if service.name in kept else None
        if port is None:
            port = cursor = _next(cursor, used)
            used.add(port)
            if port > last_port:
                raise RangeExhaustedError(
                    service.name,
                    first=plan.base_port,
                    last=last_port,
                    assigned=len(kept),
                )
        kept[service.name] = Assignment(port=port, purpose=service.purpose)
    following = _next(cursor, used)
    extended = replace(
        plan,
        services=kept,
        next_port=following,
        # A number below the next one cannot come again: no need to remember it.
        released=tuple(sorted(port for port in released if port > following)),
    )
    return extended, tuple(_changes(plan, extended, wanted, reasons))


def release(plan: Plan, name: str) -> Plan:
    """
    Give a service's number up, so that rule 3 holds for it from now on.

    Raises:
        KeyError: If the plan has no such service.
    """
    kept = {who: each for who, each in plan.services.items() if who != name}
    released = {*plan.released, *_given_up(plan, name, kept)}
    if name not in plan.services:
        raise KeyError(name)
    return replace(plan, services=kept, released=tuple(sorted(released)))


def stepped_over(plan: Plan, port: int) -> tuple[tuple[int, str], ...]:
    """
    Explain the gap below an assigned port.

    Returns:
        The numbers between ``port`` and the assigned one below it (or the base
        port), each with the reason why nobody has it, in rising order.
    """
    if port >= plan.next_port:
        return ()  # a fixed port: no sequence led there
    ports = {each.port for each in plan.services.values()}
    gap: list[tuple[int, str]] = []
    for below in range(port - 1, max(plan.base_port, PRIVILEGED_LAST + 1) - 1, -1):
        if below in ports:
            break
        gap.append((below, why_not(below) or "released, or once fixed"))
    return tuple(reversed(gap))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loser:
    """A service that is only kept, by whatever name and purpose the file has."""

    name: str
    purpose: str
    port: None = None


_Wanted = Service | _Loser


def _healed(
    plan: Plan, wanted: tuple[_Wanted, ...]
) -> tuple[dict[str, Assignment], dict[str, str]]:
    """Apply rule 7: return what is kept, and why each of the others is not."""
    rank = {each.name: (index, each.port) for index, each in enumerate(wanted)}
    kept = dict(plan.services)
    reasons: dict[str, str] = {}
    for port, names in plan.duplicates().items():

        def standing(name: str, port: int = port) -> tuple[bool, int, str]:
            index, fixed = rank.get(name, (len(rank), None))
            return fixed != port, index, name

        keeper, *losers = sorted(names, key=standing)
        for name in losers:
            del kept[name]
            reasons[name] = f"{keeper!r} keeps {port}, which both had"
    return kept, reasons


def _undeclared_losers(
    plan: Plan, wanted: tuple[_Wanted, ...], reasons: Mapping[str, str]
) -> tuple["_Loser", ...]:
    """Return who lost its port by rule 7 without being declared: it gets one too."""
    declared = {service.name for service in wanted}
    return tuple(
        _Loser(name=name, purpose=plan.services[name].purpose)
        for name in reasons
        if name not in declared
    )


def _has_other(service: _Wanted, kept: Mapping[str, Assignment]) -> bool:
    held = kept.get(service.name)
    return held is not None and held.port != service.port


def _fix(
    service: _Wanted,
    port: int,
    kept: dict[str, Assignment],
    reasons: dict[str, str],
) -> None:
    """Give a service the port that its declaration fixes."""
    holders = [name for name, each in kept.items() if each.port == port]
    if holders not in ([], [service.name]):
        raise PortConflictError(
            f"port {port} is fixed for {service.name!r} but assigned to {holders[0]!r}",
            port=port,
            services=(holders[0], service.name),
            hint=f"fix another port, or run 'portconf release {holders[0]}' first",
        )
    kept[service.name] = Assignment(port=port, purpose=service.purpose)
    reasons[service.name] = f"its declaration fixes {port}"


def _given_up(plan: Plan, name: str, kept: Mapping[str, Assignment]) -> set[int]:
    """Return the port that ``name`` had, where rule 3 must remember it."""
    before = plan.services.get(name)
    if before is None or before.port < plan.next_port:
        return set()
    return {before.port} - {each.port for each in kept.values()}


def _changes(
    plan: Plan,
    extended: Plan,
    wanted: tuple[_Wanted, ...],
    reasons: Mapping[str, str],
) -> Iterable[Change]:
    for name in (service.name for service in wanted):
        before = plan.services.get(name)
        port = extended.services[name].port
        if before is None:
            yield Change(name=name, port=port)
        elif before.port != port:
            yield Change(name=name, port=port, before=before.port, reason=reasons[name])


def _next(port: int, used: Container[int]) -> int:
    """Return the first number from ``port`` on that the sequence may hand out."""
    port = max(port, PRIVILEGED_LAST + 1)
    while port in used or port in BROWSER_BLOCKED:
        port += 1
    return port


def _check_range(base_port: int, last_port: int, ephemeral: PortRange | None) -> None:
    if base_port > last_port:
        return  # the sequence has ended before it began
    planned = PortRange(first=base_port, last=last_port)
    if ephemeral and planned.overlaps(ephemeral):
        raise ConfigError(
            f"pyproject.toml: the plan's range {planned} (tool.portconf.base-port to"
            f" last-port) reaches into the kernel's ephemeral range {ephemeral},"
            " where outgoing connections take ports",
            hint=_below(ephemeral),
        )


def _below(ephemeral: PortRange) -> str:
    if ephemeral.first - 1 <= PRIVILEGED_LAST:
        return "narrow the kernel's: sysctl net.ipv4.ip_local_port_range='32768 60999'"
    return (
        f"set tool.portconf.last-port to at most {ephemeral.first - 1}, and base-port"
        " below it"
    )
