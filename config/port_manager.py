"""
The historical import: `from config.port_manager import get_port, assign_port`.

New code imports the same names from `portconf`.
"""

from portconf import (
    PortManager,
    assign_port,
    export_env_vars,
    get_next_port,
    get_port,
    reset_ports,
)


__all__ = [
    "PortManager",
    "assign_port",
    "export_env_vars",
    "get_next_port",
    "get_port",
    "reset_ports",
]
