"""What the kernel says of ports."""

import os
import sys
from functools import lru_cache

from portconf.model import PortRange


_LINUX = "/proc/sys/net/ipv4"
# RFC 6335 section 6; macOS and Windows use it as their default.
_DYNAMIC = PortRange(first=49152, last=65535)


@lru_cache(maxsize=1)  # a setting of the machine, asked for at every assignment
def ephemeral_range(folder: str = _LINUX) -> PortRange | None:
    """
    Return the ports that the kernel gives to outgoing connections.

    Args:
        folder: Where Linux shows its settings.

    Returns:
        The range, or None on a Linux that hides it. On other systems the range of
        RFC 6335, which is their default: a changed one is not seen.
    """
    if sys.platform != "linux":
        return _DYNAMIC
    try:
        with open(
            os.path.join(folder, "ip_local_port_range"), encoding="ascii"
        ) as file:
            first, last = (int(word) for word in file.read().split())
        return PortRange(first=first, last=last)
    except (OSError, ValueError):
        return None
