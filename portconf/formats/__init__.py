"""
The formats in which services and their variables are handed out, one module each.

A format has one function, `render(view)`, that returns texts; what a module of another
package must have is in `portconf.formats.protocol`. It is pure, and it imports nothing
that it does not need: the hot commands load it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoints

    from portconf.formats.protocol import Format


GROUP = "portconf.formats"
# Name on the command line -> module. Named here too, so that a known name is found
# without the metadata of every package that is installed.
NAMES = {
    "sh": "posix",
    "dotenv": "dotenv",
    "fish": "fish",
    "powershell": "powershell",
    "json": "jsontext",
    "tcsh": "tcsh",
    "nushell": "nushell",
    "systemd": "systemd",
    "github": "github",
    "gitlab": "gitlab",
    "vscode": "vscode",
    "devcontainer": "devcontainer",
    "prometheus": "prometheus",
    "metrics": "metrics",
    "dnsmasq": "dnsmasq",
    "consul": "consul",
    "nginx": "nginx",
    "nginx-servers": "nginx_servers",
    "haproxy": "haproxy",
    "caddy": "caddy",
    "traefik": "traefik",
    "compose-override": "compose_override",
    "compose-network": "compose_network",
}


def load(name: str) -> "Format":
    """
    Return a format: one of ours, or one that another package has registered.

    Raises:
        LookupError: If there is no format of that name.
        Exception: Whatever another package's module raises while it is imported.
    """
    from importlib import import_module  # noqa: PLC0415 - the hot commands do without

    if name in NAMES:
        module: Format = import_module(f"portconf.formats.{NAMES[name]}")
        return module
    found: Format = _registered()[name].load()
    return found


def listed(variables: "Mapping[str, str]", line: "Callable[[str, str], str]") -> str:
    """
    Return variables, one after the other.

    Args:
        variables: In the order in which they are written.
        line: Writes a name and a value down; raises `ValueError(name)` for a value
            that it cannot carry.

    Raises:
        ValueError: As ``line``, and for NUL, which no environment can hold.
    """
    for name, value in variables.items():
        if "\0" in value:
            raise ValueError(name)
    return "".join(line(name, value) for name, value in variables.items())


def known() -> list[str]:
    """Return the names of all formats, those of other packages included."""
    return sorted({*NAMES, *_registered().names})


def _registered() -> "EntryPoints":
    """Return the entry points that packages have registered."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 4 times a bare start

    return entry_points(group=GROUP)
