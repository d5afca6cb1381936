"""What the kernel says of itself: its ephemeral range, and where its ports count."""

import os
import sys
from functools import lru_cache

from portconf.model import PortRange


_LINUX = "/proc/sys/net/ipv4"
_NAMESPACE = "/proc/self/ns/net"
# A setting that only the initial network shows, whose own number differs from one
# version of the kernel to another: leases would be lost by an update.
_INITIAL = "/proc/sys/net/core/dev_weight"
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


def namespace() -> str:
    """
    Return the name of the network that this process has its ports in.

    Two processes of one name share their ports; a container has a name of its own.
    A name is given anew after its network has gone.

    Returns:
        `net:initial` for the machine's own, else like `net:[4026532177]`; empty where
        the system has but one, or hides it.
    """
    if os.path.exists(_INITIAL):
        return "net:initial"
    try:
        return os.readlink(_NAMESPACE)
    except OSError:
        return ""
