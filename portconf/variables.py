"""Plan and declaration to environment variables, with exact names and order."""

from collections.abc import Mapping
from dataclasses import replace

from portconf.environment import COMPOSE, INSTANCE, ROOT, STAMP, compose_project
from portconf.errors import AssignmentError, ConfigError
from portconf.model import Assignment, Endpoint, Plan, Service
from portconf.names import variable_of
from portconf.settings import Settings


def variable(settings: Settings, name: str) -> str:
    """Return the variable that carries a service's port, declared or not."""
    service = settings.service(name)
    return service.variable if service else variable_of(name)


def stays(service: Service | None, assigned: int) -> bool:
    """Tell whether a port is the same in every checkout: fixed or shared."""
    return service is not None and (service.shared or service.port == assigned)


def endpoints(
    plan: Plan, settings: Settings, *, shift: int = 0
) -> tuple[Endpoint, ...]:
    """
    Return where the services of ``plan`` are reached, in port order.

    Args:
        plan: The assigned services.
        settings: The declaration; a service need not be in it.
        shift: What the checkout's lease adds to a port that is neither fixed nor
            shared; 0 for the plan as it stands.
    """
    declared = settings.by_name()

    def endpoint(name: str, assignment: Assignment) -> Endpoint:
        service = declared.get(name)
        found = Endpoint(
            name=name,
            variable=service.variable if service else variable_of(name),
            assigned=assignment.port,
            port=assignment.port + (0 if stays(service, assignment.port) else shift),
            purpose=assignment.purpose,
        )
        if service is None:
            return found
        return replace(
            found,
            scheme=service.scheme,
            protocol=service.protocol,
            container_port=service.container_port,
            health=service.health,
            shared=service.shared,
        )

    return tuple(endpoint(name, each) for name, each in plan.services.items())


def compute(
    plan: Plan, settings: Settings, *, root: str, instance: int = 0, shift: int = 0
) -> dict[str, str]:
    """
    Return the variables of a checkout, in the order in which they are written.

    Args:
        plan: The assigned services.
        settings: The declaration; all its services must be assigned.
        root: The project's folder.
        instance: The number of the checkout's lease; 0 for the plan as it stands.
        shift: What the lease adds to a port.

    Raises:
        AssignmentError: If a declared service has no port.
        ConfigError: If two variables have one name, as an assigned service that is
            not declared can cause.
    """
    lacking = [
        each.name for each in settings.services if each.name not in plan.services
    ]
    if lacking:
        raise AssignmentError(
            f"no port yet for {', '.join(map(repr, lacking))}",
            hint="run 'portconf init'",
        )
    found = {
        "BASE_PORT": str(plan.base_port + shift),
        "NEXT_PORT": str(plan.next_port + shift),
    }
    reached = endpoints(plan, settings, shift=shift)
    ports = {each.name: each.port for each in reached}
    named = [(each.variable, str(each.port), each.name) for each in reached]
    named += [
        (t.variable, t.fill(ports), "tool.portconf.env") for t in settings.templates
    ]
    for name, value, owner in named:
        if name in found:
            raise ConfigError(
                f"variable {name!r} is of {owner!r} and of another assigned service",
                hint="release one of them, or name another variable in pyproject.toml",
            )
        found[name] = value
    found[INSTANCE] = str(instance)
    found[ROOT] = root
    project = compose_project(root, instance)
    last = {COMPOSE: project} if project else {}
    return {**found, STAMP: stamp({**found, **last}), **last}


def stamp(variables: Mapping[str, str]) -> str:
    """Return the fingerprint by which a stale shell is known: 16 hex digits."""
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which only this one needs

    lines = "".join(f"{name}={value}\n" for name, value in variables.items())
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()[:16]
