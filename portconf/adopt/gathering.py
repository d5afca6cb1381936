"""What the files that a person names, or that are usually there, say of ports."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from portconf import originals
from portconf.adopt import compose_ports, devcontainer, envfile, procfile, python_source
from portconf.adopt.values import Found
from portconf.compose import reading
from portconf.compose.values import Stack, Unread
from portconf.errors import PortconfError, UsageError
from portconf.folder import Folder
from portconf.settings import Settings


_KINDS = "a Compose file, a .env, a Procfile, a devcontainer.json or Python source"
_USUAL = ("Procfile", ".devcontainer/devcontainer.json", ".devcontainer.json")


@dataclass(slots=True, kw_only=True)
class Gathered:
    """
    What was read.

    Attributes:
        texts: The Compose files.
        stacks: What they say, each with the file that it begins with; None: what
            Compose would find.
        found: What all files say of ports.
        env_files: Those that are read as `.env` is.
        looked: All files that were there.
    """

    texts: originals.Texts
    stacks: list[tuple[str | None, Stack]] = field(default_factory=list)
    found: Found = field(default_factory=Found)
    env_files: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def looked(self) -> tuple[str, ...]:
        """All files that were there, each once."""
        return tuple(dict.fromkeys(self.files))


def inside(folder: Folder, path: str) -> str:
    """
    Return a path from the current directory as a name in the project.

    Raises:
        UsageError: If there is nothing, or it lies outside of the project.
    """
    if not path or "\0" in path or not os.path.lexists(path):
        raise UsageError(f"there is no {path!r}", hint=f"name {_KINDS}")
    above, last = os.path.split(os.path.abspath(path))
    name = os.path.relpath(os.path.join(os.path.realpath(above), last), folder.root)
    if name.split(os.sep)[0] == os.pardir:
        raise UsageError(
            f"{path!r} lies outside of the project {folder.root}",
            hint="begin in its folder, or name that with -C",
        )
    return name.replace(os.sep, "/")


def gather(folder: Folder, named: Sequence[str], settings: Settings) -> Gathered:
    """
    Read the files.

    Args:
        folder: The project's folder.
        named: What to read, as names in the project; empty: what is usually there.
        settings: The declaration, which may call `.env` otherwise.

    Raises:
        UsageError: If one of ``named`` is of no known kind.
    """
    gathered = Gathered(texts=originals.Texts(folder))
    if not named:
        _compose(gathered, None)
        for name in (settings.dotenv or ".env", *_USUAL):
            _one(gathered, folder, name, usual=True)
    kinds = {name: _reader(folder, name) for name in named}
    for name, reader in kinds.items():
        if reader is None:
            _compose(gathered, name)
    for name, reader in kinds.items():
        if reader is _python:
            _all_python(gathered, folder, name)
        elif reader is not None:
            _one(gathered, folder, name)
    return gathered


_Reader = Callable[[str, bytes], Found]


def _reader(folder: Folder, name: str) -> _Reader | None:
    """Return what reads a file of that name; None stands for Compose."""
    last = name.rpartition("/")[2]
    if os.path.isdir(folder.file(name).path) or last.endswith((".py", ".pyi")):
        return _python
    if last.endswith((".yaml", ".yml")):
        return None
    if re.fullmatch(r"\.?devcontainer\.json", last):
        return _devcontainer
    if re.fullmatch(r"\.env(\..+)?|.+\.env", last):
        return envfile.read
    if re.fullmatch(r"Procfile(\..+)?", last):
        return _procfile
    raise UsageError(f"{name} is of no kind that is read", hint=f"name {_KINDS}")


def _compose(gathered: Gathered, first: str | None) -> None:
    stack = reading.read(gathered.texts, first)
    gathered.stacks.append((first, stack))
    gathered.files += stack.files
    gathered.found += compose_ports.read(stack, gathered.texts)


def _one(gathered: Gathered, folder: Folder, name: str, *, usual: bool = False) -> None:
    """Read one file with what reads its kind."""
    reader = envfile.read if usual and name not in _USUAL else _reader(folder, name)
    try:
        data = originals.read(folder, name)
    except PortconfError as error:
        wrong = Unread(file=name, line=1, reason=originals.reason(error, name))
        gathered.found += Found(unread=(wrong,))
        return
    if data is None or reader is None:
        return
    gathered.files.append(name)
    if reader is envfile.read:
        gathered.env_files.append(name)
    gathered.found += reader(name, data)


def _all_python(gathered: Gathered, folder: Folder, name: str) -> None:
    names, missing = originals.sources(folder, name)
    for each in names:
        _one(gathered, folder, each)
    reason = missing or (None if names else "holds no Python source")
    if reason:
        wrong = Unread(file=name, line=1, reason=reason)
        gathered.found += Found(unread=(wrong,))


def _python(name: str, data: bytes) -> Found:
    return python_source.read(name, data)


def _procfile(name: str, data: bytes) -> Found:
    return _texted(procfile.read, name, data)


def _devcontainer(name: str, data: bytes) -> Found:
    return _texted(devcontainer.read, name, data)


def _texted(read: Callable[[str, str], Found], name: str, data: bytes) -> Found:
    try:
        return read(name, data.decode())
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 at byte {error.start}"
        return Found(unread=(Unread(file=name, line=1, reason=reason),))
