"""A network of a process's own, where no other program of the machine listens."""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path


_NEW_NET, _NEW_USER = 0x40000000, 0x10000000
_SET_INTERFACE_FLAGS, _UP = 0x8914, 1


def own_network() -> bool:
    """
    Move this process, and all that it starts, into a network of its own.

    It has a loopback interface and nothing else.

    Returns:
        Whether that was let; if not, nothing has changed.
    """
    if sys.platform != "linux":
        return False
    uid, gid = os.geteuid(), os.getegid()
    unshare = ctypes.CDLL(None).unshare
    if unshare(_NEW_NET) != 0:
        if unshare(_NEW_USER | _NEW_NET) != 0:
            return False
        for name, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path("/proc/self", name).write_text(line, encoding="ascii")
    with socket.socket() as any_socket:
        flags = struct.pack("16sH14x", b"lo", _UP)
        fcntl.ioctl(any_socket, _SET_INTERFACE_FLAGS, flags)
    return True
