"""Where declaration, plan and files disagree."""

from collections.abc import Collection, Iterable, Mapping

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


def of_lease(written: Collection[str]) -> tuple[str, ...]:
    """
    Return what is wrong with generated files of a checkout that has no lease.

    Args:
        written: The files that name other ports than the plan's own, or none.
    """
    if not written:
        return ()
    return (f"{', '.join(written)}: written, but this checkout has no lease of ports",)


def of_shell(
    environment: Mapping[str, str], *, root: str, stamp: str | None
) -> str | None:
    """
    Return what is wrong with the exports that a shell has sourced, or None.

    Args:
        environment: The shell's variables.
        root: The project's folder.
        stamp: The fingerprint of its variables as they are now; None where they are
            not known, as without a lease.
    """
    theirs = environment.get("PORTCONF_ROOT")
    if not theirs or "PORTCONF_STAMP" not in environment:
        return None
    if theirs == root and environment.get("PORTCONF_RUN"):
        return None  # no shell's exports, but a run's own variables
    mend = "source this checkout's exports again, or use another shell"
    if theirs != root:
        return f"this shell has the exports of another checkout, {theirs}: {mend}"
    if environment["PORTCONF_STAMP"] != stamp:
        return f"this shell has older exports of this checkout: {mend}"
    return None
