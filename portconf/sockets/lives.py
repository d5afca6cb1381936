"""Whether a process has ended, told from a later one of the same number."""

import os
import sys
from contextlib import suppress


_BOOT = "/proc/sys/kernel/random/boot_id"
_PIDS = "/proc/self/ns/pid"
_ANOTHERS = "another's"


def started(pid: int) -> str | None:
    """
    Return when a process started, in words that tell it from all others.

    Args:
        pid: Its number, as we see it.

    Returns:
        The boot, the space of numbers and the moment; None where no process that we
        can see has the number, or where it has ended.
    """
    try:
        moment = None if _space() == _ANOTHERS else _moment(pid)
    except OSError:
        return None
    return None if moment is None else f"{_boot()}/{_space()}/{moment}"


def ended(pid: int, began: str) -> bool:
    """
    Tell whether the process that started then is confirmed to have ended.

    A container numbers its processes by itself, and may count its starts by itself: of
    those of another one nobody can tell, so they count as running.

    Args:
        pid: Its number.
        began: What `started` returned for it.
    """
    boot, space, moment = began.split("/", 2)
    if space != _space():
        return False
    here = _boot()
    if boot and here and boot != here:  # a sandbox may hide it, and runs on
        return True
    try:
        now = _moment(pid)
    except OSError:  # as where no more files can be opened: that tells nothing
        return False
    return now != moment and not (now is None and _hidden(pid))


def _moment(pid: int) -> str | None:
    if sys.platform != "linux":
        from portconf.sockets import elsewhere  # noqa: PLC0415 - psutil is slow to load

        return elsewhere.moment(pid)
    from portconf.sockets import processes  # noqa: PLC0415 - one of the two

    return processes.moment(pid)


def _hidden(pid: int) -> bool:
    """Tell whether a process is there that we may not look at, as with `hidepid`."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _boot() -> str:
    with suppress(OSError), open(_BOOT, encoding="ascii") as file:
        return file.read().strip()
    return ""


def _space() -> str:
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return _ANOTHERS  # as after `unshare --pid` alone: its numbers are not ours
        return os.readlink(_PIDS)
    except OSError:
        return ""
