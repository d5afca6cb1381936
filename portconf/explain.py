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
        stored=Place(
            file=settings.assignments, line=_line(kept, rf'^\s*"{re.escape(name)}": ')
        ),
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

    The parser keeps no positions, so this looks for the forms in which a service is
    declared; None where the file uses a rarer one.

    Examples:
        >>> declaration_line('[tool.portconf]\nservices = ["web", "db"]', "db")
        2
    """
    word = rf"""(?:{re.escape(name)}|"{re.escape(name)}"|'{re.escape(name)}')"""
    table = r"\s*\[\s*tool\s*\.\s*portconf\s*\.\s*services\s*"
    for pattern in (
        rf"^{table}\.\s*{word}\s*\]",
        rf"(?s:^{table}\](?:(?!^\s*\[).)*?)^\s*{word}\s*[=.]",
        rf"^\s*services\s*(?:\.\s*{word}|=[^#\n]*?[\[{{,\s]{word}\s*[\],=}}])",
        rf"(?s:^\s*services\s*=\s*[\[{{](?:(?!^\s*\[).)*?)^\s*{word}",
    ):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return text.count("\n", 0, found.end()) + 1
    return None


def _line(text: str, pattern: str) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else None
