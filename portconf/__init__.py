"""
The same ports every time, never anybody else's, and never the wrong server.

What is listed in `__all__` is public. It is loaded when first asked for: the import
of the package is part of every start of the command.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portconf.errors import (
        AssignmentError,
        ConfigError,
        ForeignListenerError,
        HealthError,
        PortconfError,
        PortInUseError,
        RegistryError,
        StoreError,
        UsageError,
    )
    from portconf.listening import listen
    from portconf.manager import (
        PortManager,
        assign_port,
        export_env_vars,
        get_next_port,
        get_port,
        reset_ports,
    )
    from portconf.model import Assignment, Endpoint, Plan, PortRange, Service
    from portconf.project import Project
    from portconf.registry.values import Lease
    from portconf.settings import Settings

__all__ = [
    "Assignment",
    "AssignmentError",
    "ConfigError",
    "Endpoint",
    "ForeignListenerError",
    "HealthError",
    "Lease",
    "Plan",
    "PortInUseError",
    "PortManager",
    "PortRange",
    "PortconfError",
    "Project",
    "RegistryError",
    "Service",
    "Settings",
    "StoreError",
    "UsageError",
    "assign_port",
    "export_env_vars",
    "get_next_port",
    "get_port",
    "listen",
    "reset_ports",
]

_HOMES = {
    "Assignment": "model",
    "AssignmentError": "errors",
    "ConfigError": "errors",
    "Endpoint": "model",
    "ForeignListenerError": "errors",
    "HealthError": "errors",
    "Lease": "registry.values",
    "Plan": "model",
    "PortInUseError": "errors",
    "PortManager": "manager",
    "PortRange": "model",
    "PortconfError": "errors",
    "Project": "project",
    "RegistryError": "errors",
    "Service": "model",
    "Settings": "settings",
    "StoreError": "errors",
    "UsageError": "errors",
    "assign_port": "manager",
    "export_env_vars": "manager",
    "get_next_port": "manager",
    "get_port": "manager",
    "listen": "listening",
    "reset_ports": "manager",
}


if not TYPE_CHECKING:  # or a checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - not needed to start

        value = getattr(import_module(f"portconf.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
