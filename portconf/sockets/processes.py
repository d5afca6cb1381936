"""What Linux says of one process, read from /proc: psutil takes 50 ms to load."""

import os

from portconf.ownership import Process
from portconf.sockets import words
from portconf.sockets.users import user_name


_PROC = "/proc"
_GONE = " (deleted)"
_UNREACHABLE = "(unreachable)"
# What is looked at of a command line, which may have megabytes, and of variables.
_COMMAND, _VARIABLES = 4096, 1 << 20


def process(pid: int) -> Process | None:
    """
    Return what is known of a process, or None where it has ended.

    Its variables are read only if it runs as the user who asks. A removed folder is
    returned as it was named, with `folder_gone`.
    """
    try:
        name, _, ticks = _stat(pid)
        uid = _uid(pid)
        started = _boot() + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None
    mine = uid == os.getuid()
    folder, gone = _folder(pid)
    line = _read(f"{_PROC}/{pid}/cmdline", _COMMAND).rstrip(b"\0")
    arguments = line.decode(errors="replace").split("\0") if line else []
    return Process(
        pid=pid,
        user=user_name(uid),
        mine=mine,
        command=words.command(arguments, name),
        folder=folder,
        folder_gone=gone,
        started=started,
        marked=_mark(pid) if mine else None,
    )


def parent(pid: int) -> int | None:
    """Return the number of a process's parent; None for the first process of all."""
    try:
        return _stat(pid)[1] or None
    except (OSError, ValueError):
        return None


def _stat(pid: int) -> tuple[str, int, int]:
    """Return the short name, the parent, and the start in ticks since the boot."""
    with open(f"{_PROC}/{pid}/stat", "rb") as file:
        head, _, tail = file.read(4096).rpartition(b")")  # a name may have any sign
    fields = tail.split()
    name = head.partition(b"(")[2].decode(errors="replace")
    if len(fields) < 20:  # noqa: PLR2004 - proc_pid_stat(5): the start is the 22nd
        raise ValueError(f"/proc/{pid}/stat is cut off")
    return name, int(fields[1]), int(fields[19])


def _uid(pid: int) -> int:
    """Return the real user; the owner of the folder is root where memory is locked."""
    with open(f"{_PROC}/{pid}/status", "rb") as file:
        for line in file:
            if line.startswith(b"Uid:"):
                return int(line.split()[1])
    raise ValueError(f"/proc/{pid}/status has no user")


def _boot() -> int:
    """Return the second, since the epoch, in which the system was started."""
    with open(f"{_PROC}/stat", "rb") as file:
        for line in file:
            if line.startswith(b"btime "):
                return int(line.split()[1])
    raise ValueError("/proc/stat has no time of the boot")


def _folder(pid: int) -> tuple[str | None, bool]:
    """Return the current folder, and whether it has been removed."""
    try:
        link = os.readlink(f"{_PROC}/{pid}/cwd")
    except OSError:
        return None, False
    if link.startswith(_UNREACHABLE) or _means_another(pid, link):
        return None, False
    if link.endswith(_GONE) and not os.path.isdir(link):
        return link.removesuffix(_GONE), True
    return link, False


def _means_another(pid: int, folder: str) -> bool:
    """Say whether the path is a container's own, and names another folder for us."""
    try:
        ours = os.readlink(f"{_PROC}/self/ns/mnt")
        if os.readlink(f"{_PROC}/{pid}/ns/mnt") == ours:
            return False  # nearly always; a folder on a dead server is not touched
        return not os.path.samefile(folder, f"{_PROC}/{pid}/cwd")
    except OSError:
        return False


def _mark(pid: int) -> str | None:
    start = os.fsencode(f"{words.MARK}=")
    for each in _read(f"{_PROC}/{pid}/environ", _VARIABLES).split(b"\0"):
        if each.startswith(start):
            return os.fsdecode(each[len(start) :])
    return None


def _read(path: str, most: int) -> bytes:
    """Return the beginning of a file; nothing where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:  # ProcessLookupError among them: it has ended
        return b""
