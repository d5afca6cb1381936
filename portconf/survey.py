"""What is seen of the machine before a place for a lease is chosen."""

from collections.abc import Mapping

from portconf import sockets
from portconf.errors import ConfigError
from portconf.folder import Folder
from portconf.model import PortRange, Protocol
from portconf.registry.values import Lease


# Looking up who each is costs a walk through all processes: not for hundreds.
_NAMED = 50
_SILENT = "a program holds it without listening"


def check_blocks(blocks: PortRange) -> None:
    """
    Refuse an instance range where outgoing connections take ports.

    Raises:
        ConfigError: If it reaches there.
    """
    ephemeral = sockets.ephemeral_range()
    if ephemeral and blocks.overlaps(ephemeral):
        raise ConfigError(
            f"pyproject.toml: tool.portconf.instance-range {blocks} reaches into the"
            f" kernel's ephemeral range {ephemeral}, where outgoing connections take"
            " ports",
            hint=f"end it below {ephemeral.first}",
        )


def listening(blocks: PortRange, folder: Folder | None = None) -> dict[int, str]:
    """
    Return the ports of a range on which somebody listens, with who it is.

    Args:
        blocks: The range.
        folder: The project that asks; None: who it is is not looked up.
    """
    used = {
        each.port: "a program listens there"
        for each in sockets.listening()
        if blocks.first <= each.port <= blocks.last
    }
    if folder and len(used) <= _NAMED:
        from portconf import sightings  # noqa: PLC0415 - most commands have their lease

        seen = sightings.look(dict.fromkeys(used, Protocol.TCP), folder)
        used |= {port: f"{each.text} listens" for port, each in seen.items()}
    return used


def not_ours(spoken: Mapping[int, Protocol], folder: Folder) -> dict[int, str]:
    """
    Return those of the plan's own ports that others use, with who they are.

    Args:
        spoken: What is spoken on each.
        folder: The project that asks.
    """
    from portconf import sightings  # noqa: PLC0415 - as above
    from portconf.ownership import Verdict  # noqa: PLC0415

    seen = sightings.look(spoken, folder)
    used = {port: _SILENT for port in sockets.unusable(spoken) if port not in seen}
    return used | {
        port: f"{each.text} listens"
        for port, each in seen.items()
        if each.verdict is not Verdict.OURS
    }


def held(lease: Lease) -> dict[int, str]:
    """Return the ports of a new block that a program holds without listening."""
    # Only those that another block would spare: a fixed port is as it is.
    block = lease.block.ports() if lease.block else ()
    ports = [port for port in lease.service_ports() if port in block]
    return dict.fromkeys(sockets.unusable(dict.fromkeys(ports, Protocol.TCP)), _SILENT)
