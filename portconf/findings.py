"""Where declaration, plan and files disagree."""

from collections.abc import Iterable

from portconf.model import Plan
from portconf.reports import FileChange
from portconf.settings import Settings


def of_plan(settings: Settings, plan: Plan) -> tuple[str, ...]:
    """
    Return where the declaration and the plan disagree, a sentence each.

    Args:
        settings: The declaration.
        plan: What is kept; may hold two services on one port.
    """
    declared = settings.by_name()
    found = [
        f"{settings.assignments}: port {port} is assigned to both"
        f" {' and '.join(map(repr, names))}"
        for port, names in plan.duplicates().items()
    ]
    for service in settings.services:
        kept = plan.services.get(service.name)
        if kept is None:
            found.append(f"{service.name!r} is declared but has no port")
        elif service.port not in (None, kept.port):
            found.append(
                f"{service.name!r} is declared with port {service.port}"
                f" but has {kept.port}"
            )
    found += [
        f"{name!r} has port {each.port} but is not declared"
        for name, each in plan.services.items()
        if name not in declared
    ]
    if plan.services and plan.base_port != settings.base_port:
        found.append(
            f"the plan began at {plan.base_port} but tool.portconf.base-port is"
            f" {settings.base_port}, which takes effect with 'portconf reset'"
        )
    return tuple(found)


def of_files(changes: Iterable[FileChange]) -> tuple[str, ...]:
    """
    Return which files are out of date, a sentence each.

    Args:
        changes: What `init` would write. A file that does not exist disagrees with
            nothing: a fresh clone has no generated ones.
    """
    return tuple(
        f"{each.name} is not what 'portconf init' would write"
        for each in changes
        if each.before is not None
    )
