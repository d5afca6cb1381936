"""Where a service's number comes from, told from the texts of the files."""

import re
from collections.abc import Mapping

from portconf import lines, plan as planning
from portconf.keys import dotted
from portconf.model import Plan
from portconf.ownership import Sighting
from portconf.registry.values import Lease
from portconf.reports import Explanation, Place
from portconf.settings import PYPROJECT, Settings


def explain(
    name: str,
    settings: Settings,
    plan: Plan,
    texts: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    variable: str,
    port: int | None,
    lease: Lease | None,
    listens: Sighting | None,
) -> Explanation:
    """
    Explain an assigned service.

    Args:
        name: The service, which ``plan`` has.
        settings: The declaration.
        plan: What is kept.
        texts: The content of every file that may tell of it, by name; empty where
            there is no file.
        environment: The variables of the shell that asks.
        variable: The variable that carries the port.
        port: The effective port, or None without a lease.
        lease: What the checkout has of the machine, or None.
        listens: Who listens on the port now, or None.
    """
    service = settings.service(name)
    declared = None
    if service:
        line = lines.of_declaration(texts.get(PYPROJECT, ""), name)
        declared = Place(
            file=PYPROJECT,
            line=line,
            text=dotted("tool", "portconf", "services", name),
        )
    kept = texts.get(settings.assignments, "")
    set_to = environment.get(variable)
    return Explanation(
        service=name,
        port=port,
        assigned=plan.services[name].port,
        variable=variable,
        declared=declared,
        rule=_rule(plan, name, fixed=service.port if service else None),
        stepped_over=planning.stepped_over(plan, plan.services[name].port),
        stored=Place(file=settings.assignments, line=_stored_line(kept, name)),
        exported=tuple(_exported(settings, texts, variable)),
        overridden=None
        if set_to in (None, str(port))
        else f"{variable}={set_to} in this shell's environment",
        leased=_leased(port, plan.services[name].port, lease),
        lease=lease,
        listens=listens,
    )


def _leased(port: int | None, assigned: int, lease: Lease | None) -> str:
    if port is None:
        return "this checkout has none yet: run 'portconf init'"
    if lease is None:
        return "none, the registry is off: the plan's own number counts"
    if lease.block is None:
        return f"the plan as it stands, {lease.range} (instance 0)"
    place = f"block {lease.range} (instance {lease.instance})"
    if port == assigned:
        return f"{place}, but this port is fixed or shared, and does not move"
    return f"{place}, which shifts {assigned} by {lease.shift} to {port}"


def _rule(plan: Plan, name: str, *, fixed: int | None) -> str:
    port = plan.services[name].port
    if fixed == port:
        return f"fixed: its declaration says port = {port}"
    if fixed:
        return f"kept at {port}, though its declaration now fixes {fixed}: run init"
    if port < plan.base_port or port >= plan.next_port:
        return "kept from a declaration that once fixed it"
    return f"in sequence from base port {plan.base_port}; kept until it is released"


def _exported(
    settings: Settings, texts: Mapping[str, str], variable: str
) -> list[Place]:
    places = []
    for file in (settings.dotenv, settings.compose_env, settings.shell_exports):
        text = texts.get(file, "") if file else ""
        line = _line(text, rf"^(?:export )?{variable}=")
        if file and line:
            places.append(
                Place(file=file, line=line, text=text.splitlines()[line - 1].strip())
            )
    return places


def _stored_line(text: str, name: str) -> int | None:
    """Return the line of an assignments file that keeps a service."""
    head, services, rest = text.partition('"services"')
    line = _line(rest, rf'"{re.escape(name)}"\s*:\s*\{{')
    return line + (head + services).count("\n") if line else None


def _line(text: str, pattern: str) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else None
