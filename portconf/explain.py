"""Where a service's number comes from, told from the texts of the files."""

import re
from collections.abc import Mapping

from portconf import plan as planning
from portconf.keys import dotted
from portconf.model import Plan
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
    port: int,
) -> Explanation:
    """
    Explain an assigned service.

    Args:
        name: The service, which ``plan`` has.
        settings: The declaration.
        plan: What is kept.
        texts: The content of every file that may tell of it, by name; those that do
            not exist are absent.
        environment: The variables of the shell that asks.
        variable: The variable that carries the port.
        port: The effective port.
    """
    service = settings.service(name)
    declared = None
    if service:
        line = declaration_line(texts.get(PYPROJECT, ""), name)
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
        variable=variable,
        declared=declared,
        rule=_rule(plan, name, fixed=service.port if service else None),
        stepped_over=planning.stepped_over(plan, plan.services[name].port),
        stored=Place(file=settings.assignments, line=_stored_line(kept, name)),
        exported=tuple(_exported(settings, texts, variable)),
        overridden=None
        if set_to in (None, str(port))
        else f"{variable}={set_to} in this shell's environment",
    )


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


def declaration_line(text: str, name: str) -> int | None:
    r"""
    Return the line of a `pyproject.toml` that declares a service.

    The parser keeps no positions, so this looks at headers and keys line by line;
    None where the file uses a form that it does not know.

    Examples:
        >>> declaration_line('[tool.portconf]\nservices = ["web", "db"]', "db")
        2
    """
    services = ["tool", "portconf", "services"]
    table: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        key = re.match(rf"\s*((?:{_PART})(?:\s*\.\s*(?:{_PART}))*)\s*=", line)
        if header:
            table = here = _parts(header[1])
        else:
            here = table + _parts(key[1]) if key else []
        if here[:4] == [*services, name]:
            return number
        if key and here == services:
            return _inside(lines, number, name)
    return None


_PART = r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'"""


def _parts(path: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_PART, path)]


def _inside(lines: list[str], first: int, name: str) -> int | None:
    """Return the line of a name in the list or inline table that begins at a line."""
    word = re.escape(name)
    mention = rf"""[\[,{{\s](?:"{word}"|'{word}'|{word}(?=\s*=))"""
    for number, line in enumerate(lines[first - 1 :], start=first):
        value = line.partition("=")[2] if number == first else line
        if re.search(mention, f" {value}"):
            return number
        if re.match(r"\s*\[", line) and number > first:
            return None
    return None


def _stored_line(text: str, name: str) -> int | None:
    """Return the line of an assignments file that keeps a service."""
    head, services, rest = text.partition('"services"')
    line = _line(rest, rf'"{re.escape(name)}"\s*:\s*\{{')
    return line + (head + services).count("\n") if line else None


def _line(text: str, pattern: str) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else None
