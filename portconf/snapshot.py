"""
The last answers of a checkout, kept so that the hot commands need not parse.

A snapshot holds the ports and variables that were computed from some input files,
and those files' fingerprints. It answers only while every fingerprint still holds,
and it is never the truth: whoever finds none, or doubts it, computes.

It lies in the checkout's git directory; where there is none, nothing is kept.
This module is on the path of every `portconf get`: it imports next to nothing.
"""

import os
import zlib


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Fingerprint = tuple[int, int, int, int]
    Answers = tuple[dict[str, str], dict[str, str], dict[str, str]]

# Raise the number with every change of what `portconf.variables.compute` gives.
_FIRST = "portconf snapshot 3"
_PYPROJECT = "pyproject.toml"
# The variables that say where the registry is, and which lease of it is ours.
_VARIABLES = ("PORTCONF_REGISTRY", "XDG_STATE_HOME", "HOME")
# A file that changes twice within one tick of its clock has one time for both states:
# inputs younger than that are not remembered. The coarsest tick is FAT's, 2 s; where
# times have fractions of a second it is the kernel's, at most 10 ms: 100 ms are ample.
SETTLED_NS = 2_000_000_000
_FINER = 20
_SECOND_NS = 1_000_000_000


def fingerprint(path: str) -> "Fingerprint | None":
    """
    Return what changes when a file does, or None where there is no file.

    Size, both times and inode: the change time alone betrays an editor that sets the
    modification time back.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
    )


def settled(seen: "Fingerprint | None", *, now_ns: int) -> bool:
    """Tell whether a later change is sure to change the fingerprint."""
    if seen is None:
        return False
    _, modified, changed, _ = seen
    fine = modified % _SECOND_NS and changed % _SECOND_NS
    tick = SETTLED_NS // _FINER if fine else SETTLED_NS
    return max(modified, changed) < now_ns - tick


def surroundings() -> str:
    """
    Return what else the answers depend on: which registry is the machine's.

    A container can share home and checkout with its host, but not the ports.
    """
    named = [os.environ.get(each, "") for each in _VARIABLES]
    try:
        named.append(os.readlink("/proc/self/ns/net"))
    except OSError:  # not Linux, or hidden
        named.append("")
    return _checksum("\0".join(named))


def _head(root: str) -> str:
    """Return the first line of the snapshot that holds for this process."""
    mine = os.environ.get("PORTCONF_ROOT") == root
    run = os.environ.get("PORTCONF_RUN", "") if mine else ""  # else another's run
    return f"{_FIRST} {surroundings()} {run} {root}"


def read(folder: str) -> "Answers | None":
    """
    Return the ports and the variables of the project that holds ``folder``.

    Args:
        folder: A real path.

    Returns:
        Ports by service and values by variable, as text in their order, and what else
        was given to `write`; or None where no snapshot of the project is known to hold.
    """
    blocks = _blocks(folder)
    if blocks is None:
        return None
    _, ports, variables, facts = blocks
    return _pairs(ports), _pairs(variables), _pairs(facts)


def done(folder: str) -> bool:
    """
    Tell whether `init` is known to have nothing to do.

    Args:
        folder: A real path.
    """
    blocks = _blocks(folder)
    return blocks is not None and blocks[0] != "" and _hold(blocks[0].split("\n"))


def _blocks(folder: str) -> "tuple[str, str, str, str] | None":
    """Return what a snapshot says, if it holds: files done, ports, variables, facts."""
    root = _root(folder)
    path = root and _path(root)
    if not root or not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            body, _, checksum = file.read().rpartition("\n")
    except (OSError, ValueError):
        return None
    # A power loss can leave a file of zeros or half of one.
    if not checksum or checksum != _checksum(body):
        return None
    head, _, rest = body.partition("\n\n")
    files, _, rest = rest.partition("\n\n")
    ports, _, rest = rest.partition("\n\n")
    variables, _, facts = rest.partition("\n\n")
    first, *inputs = head.split("\n")
    if first != _head(root) or not _hold(inputs):
        return None
    return files, ports, variables, facts


def _hold(lines: "list[str]") -> bool:
    """Tell whether the files of some lines are what they were."""
    for line in lines:
        *numbers, name = line.split(" ", 4)
        if _text(fingerprint(name)) != " ".join(numbers):
            return False
    return True


def _line(seen: "tuple[str, Fingerprint | None]") -> str:
    return f"{_text(seen[1])} {seen[0]}"


def _text(seen: "Fingerprint | None") -> str:
    return " ".join(map(str, seen or "----"))


def write(
    root: str,
    inputs: "Iterable[tuple[str, Fingerprint | None]]",
    ports: "Mapping[str, int]",
    variables: "Mapping[str, str]",
    *,
    facts: "Mapping[str, str] | None" = None,
    read_ns: int,
    done: "Iterable[tuple[str, Fingerprint | None]]" = (),
) -> bool:
    """
    Keep the answers of a project, if they can be kept.

    Args:
        root: The project's folder, a real path.
        inputs: What they were computed from: paths and fingerprints.
        ports: By service.
        variables: By name.
        facts: What else a front end wants to know at once, by name.
        read_ns: Nanoseconds since the epoch, from before the first input was read: an
            input that changed later, or shortly before, is not remembered.
        done: Files that `init` has found as they are to be: while they and the inputs
            stay, it has nothing to do.

    Returns:
        Whether they were kept. A folder that cannot be written is no error.
    """
    known, finished = tuple(inputs), tuple(done)
    path = _path(root)
    # A file that is not there needs no time to settle: its coming changes everything.
    young = any(each and not settled(each, now_ns=read_ns) for _, each in known)
    if path is None or young:
        return False
    lines = [_head(root)]
    lines += map(_line, known)
    if any(each and not settled(each, now_ns=read_ns) for _, each in finished):
        finished = ()
    blocks = (
        "\n".join(lines),
        "\n".join(map(_line, finished)),
        "\n".join(f"{name}={port}" for name, port in ports.items()),
        "\n".join(f"{name}={value}" for name, value in variables.items()),
        "\n".join(f"{name}={value}" for name, value in (facts or {}).items()),
    )
    names = (name for name, _ in (*known, *finished))
    if any("\n" in text for text in (root, *names, *variables.values())):
        return False
    body = "\n\n".join(blocks)
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        if not os.path.isdir(os.path.dirname(path)):
            os.mkdir(os.path.dirname(path))
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(f"{body}\n{_checksum(body)}")
        os.replace(temporary, path)
    except (OSError, ValueError):
        _discard(temporary)
        return False
    return True


def _discard(path: str) -> None:
    try:  # noqa: SIM105 - contextlib would be an import more for every `get`
        os.unlink(path)
    except OSError:
        pass  # it was never made, or its folder cannot be written


def _root(folder: str) -> str | None:
    """Return the nearest folder with a `pyproject.toml`, within the checkout."""
    while not os.path.lexists(f"{folder}/{_PYPROJECT}"):
        above = os.path.dirname(folder)
        if above == folder or os.path.lexists(f"{folder}/.git"):
            return None
        folder = above
    return folder


def _path(root: str) -> str | None:
    """Return where a project's snapshot lies: one file a project of a checkout."""
    folder = root
    while not os.path.lexists(f"{folder}/.git"):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    git_dir = f"{folder}/.git"
    if not os.path.isdir(git_dir):  # a linked worktree: a file that names it
        if not os.path.isfile(git_dir):  # opening a named pipe would hang
            return None
        try:
            with open(git_dir, encoding="utf-8") as file:
                label, _, named = file.read(8192).partition(":")
        except (OSError, ValueError):
            return None
        git_dir = os.path.join(folder, named.strip())
        if label != "gitdir" or not os.path.isfile(f"{git_dir}/HEAD"):
            return None
    return f"{git_dir}/portconf/snapshot-{_checksum(root)}"


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}"


def _pairs(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if line)
