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
_TABLE = 1 << 20
_GENERATIONS = 5
_TICKS = os.sysconf("SC_CLK_TCK")
# Words of /proc/PID/stat, counted from the 3rd.
_PARENT, _THREADS, _START = 1, 17, 19


def process(pid: int) -> Process | None:
    """
    Return what is known of a process, or None where it has ended.

    Its variables are read only if it runs as the user who asks. A removed folder is
    returned as it was named, with `folder_gone`.
    """
    try:
        name, fields = _stat(pid)
        # The owner of the folder would be root, for a process whose memory is locked.
        uid = _after(b"Uid:", f"{_PROC}/{pid}/status")
        started = _after(b"btime ", f"{_PROC}/stat") + int(fields[_START]) / _TICKS
    except ValueError:
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
        return int(_stat(pid)[1][_PARENT]) or None
    except ValueError:
        return None


def moment(pid: int) -> str | None:
    """
    Return when a process started, None where it has ended.

    Raises:
        OSError: If it cannot be looked at.
    """
    try:
        with open(f"{_PROC}/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A zombie has let go of its sockets, whether its parent asks for it or not; if only
    # its first thread has ended, the others have them still.
    dead = fields[0] in (b"Z", b"X") and int(fields[_THREADS]) <= 1
    return None if dead else fields[_START].decode()


def _stat(pid: int) -> tuple[str, list[bytes]]:
    """Return the short name, and what follows it: see proc_pid_stat(5)."""
    head, _, tail = _read(f"{_PROC}/{pid}/stat", 4096).rpartition(b")")
    name = head.partition(b"(")[2].decode(errors="replace")  # any sign may be in it
    fields = tail.split()
    if len(fields) <= _START:
        raise ValueError(f"/proc/{pid}/stat has no start")
    return name, fields


def _after(label: bytes, path: str) -> int:
    """Return the first number of the line that begins with ``label``."""
    _, found, rest = _read(path, _TABLE).partition(b"\n" + label)
    if not found:
        raise ValueError(f"{path} has no {label!r}")
    return int(rest.split(maxsplit=1)[0])


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
    """Return the mark of a process, or of who started it where its own is gone."""
    start = os.fsencode(f"{words.MARK}=")
    above: int | None = pid
    for _ in range(_GENERATIONS):
        if above in (None, 1):
            break
        variables = _read(f"{_PROC}/{above}/environ", _VARIABLES).split(b"\0")
        for each in variables:
            if each.startswith(start):
                return os.fsdecode(each[len(start) :])
        if any(b"=" in each for each in variables):
            break
        # Redis, for one, writes its title over its variables.
        above = parent(above)
    return None


def _read(path: str, most: int) -> bytes:
    """Return the beginning of a file; nothing where it cannot be read."""
    parts: list[bytes] = []
    try:
        file = os.open(path, os.O_RDONLY)  # a third of what `open` takes
        try:
            while most > 0 and (part := os.read(file, most)):
                parts.append(part)
                most -= len(part)
        finally:
            os.close(file)
    except OSError:  # ProcessLookupError among them: it has ended
        return b""
    return b"".join(parts)
