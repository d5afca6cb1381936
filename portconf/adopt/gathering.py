"""What the files that a person names, or that are usually there, say of ports."""

import os
import re
import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from portconf import originals
from portconf.adopt import compose_ports, devcontainer, envfile, procfile, python_source
from portconf.adopt.values import Found, Note
from portconf.compose import NAMES, NETWORK, reading, resembles
from portconf.compose.values import Stack, Unread
from portconf.errors import PortconfError, UsageError
from portconf.folder import Folder
from portconf.marks import MARK
from portconf.settings import Settings


_KINDS = "a Compose file, a .env, a Procfile, a devcontainer.json or Python source"
_SHOWN = 5
_USUAL = ("Procfile", ".devcontainer/devcontainer.json", ".devcontainer.json")


@dataclass(slots=True, kw_only=True)
class Gathered:
    """
    What was read.

    Attributes:
        folder: The project's folder.
        texts: The Compose files.
        stacks: What those say that are to be adopted, each with the file that it begins
            with; None: what Compose would find.
        parts: What each file says of ports.
        env_files: Those that are read as `.env` is.
        files: All files to be adopted that were there.
    """

    folder: Folder
    texts: originals.Texts
    stacks: list[tuple[str | None, Stack]] = field(default_factory=list)
    parts: list[Found] = field(default_factory=list)
    env_files: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def looked(self) -> tuple[str, ...]:
        """All files to be adopted that were there, each once."""
        return tuple(dict.fromkeys(self.files))

    @property
    def found(self) -> Found:
        """What all files say of ports."""
        return Found.joined(self.parts)

    def compose(
        self,
        first: str | None,
        ours: Collection[str],
        *,
        asked: bool = False,
    ) -> None:
        """Read Compose files, and which variables containers get by env files."""
        stack = reading.read(self.texts, first)
        found = compose_ports.read(stack, self.texts)
        named = {name for each in stack.env_files.values() for name in each}
        # What was not read may hand any of our env file's variables to a container.
        named |= set(ours) if stack.lacking else set()
        self._told(stack, {*ours} & named if not asked else set())
        inner = frozenset().union(
            *(_set_in(self.folder, name) for name in sorted(named))
        )
        self.parts += [found.asked() if asked else found, Found(inner=inner)]
        if not asked:
            self.stacks.append((first, stack))
            self.files += stack.files

    def _told(self, stack: Stack, handed: Collection[str]) -> None:
        """Tell whose containers get the ports of this machine by an env file."""
        for name in sorted(handed):
            getting = [
                repr(service)
                for service, names in stack.env_files.items()
                # Of two files that set a variable, the one behind wins.
                if name in names
                and NETWORK
                not in {each.rpartition("/")[2] for each in names[names.index(name) :]}
            ]
            if getting:  # told once: most stacks hand it to each service
                told = (
                    f"{', '.join(getting)} {'gets' if len(getting) == 1 else 'get'}"
                    f" {name} by env_file or by a mount, and so the ports of this"
                    f" machine: put {NETWORK} behind it, which 'portconf export --format"
                    " compose-network --output .' writes"
                )
                note = Note(file=stack.files[0], line=1, text=told)
                self.parts.append(Found(notes=(note,)))

    def others(self) -> None:
        """Tell of the Compose files that are beside those that were read."""
        # What could not be read is told by itself, and no command would read it.
        known = {
            *self.files,
            *(each.file for part in self.parts for each in part.unread),
        }
        beside = [
            name
            for name in originals.shallow(self.folder)
            if _offered(name.rpartition("/")[2])
            and name not in known
            and _plain_file(self.folder.file(name).path)
        ]
        if beside:
            # A monorepo has hundreds, which nobody adopts in one go.
            more = len(beside) - _SHOWN
            rest = f", and {more} more are not either" if more > 0 else ""
            named = shlex.join(beside[:_SHOWN])
            told = f"is not read; 'portconf adopt {named}' does{rest}"
            self.parts.append(Found(notes=(Note(file=beside[0], line=1, text=told),)))

    def one(
        self,
        name: str,
        reader: "_Reader | None",
        *,
        asked: bool = False,
    ) -> None:
        """Read one file with what reads its kind."""
        try:
            data = originals.read(self.folder, name)
        except PortconfError as error:
            wrong = Unread(file=name, line=1, reason=originals.reason(error, name))
            self.parts.append(Found(unread=() if asked else (wrong,)))
            return
        if data is None or reader is None:
            return
        if reader is envfile.read:
            self.env_files.append(name)
        if not asked:
            self.files.append(name)
        found = reader(name, data)
        self.parts.append(found.asked() if asked else found)

    def python(self, name: str) -> None:
        """Read a Python source, or all of a folder."""
        names, missing = originals.sources(self.folder, name)
        for each in names:
            self.one(each, python_source.read)
        reason = missing or (None if names else "holds no Python source")
        if reason:
            wrong = Unread(file=name, line=1, reason=reason)
            self.parts.append(Found(unread=(wrong,)))


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

    What is usually there is asked in any case: a named file alone does not tell which
    variables containers get, or which servers are elsewhere.

    Args:
        folder: The project's folder.
        named: What to adopt, as names in the project; empty: what is usually there.
        settings: The declaration, which may call `.env` otherwise.

    Raises:
        UsageError: If one of ``named`` is of no known kind.
    """
    readers = {name: _reader(folder, name) for name in named}
    gathered = Gathered(folder=folder, texts=originals.Texts(folder))
    dotenv = settings.dotenv or ".env"
    ours = {each for each in (settings.dotenv, settings.compose_env) if each}
    first = [name for name, reader in readers.items() if reader is None]
    for name in first:
        gathered.compose(name, ours)
    if not named:
        gathered.compose(None, ours)
        gathered.others()
    elif not set(gathered.files).intersection(NAMES):
        gathered.compose(None, ours, asked=True)
    for name in (dotenv, *_USUAL):
        reader = envfile.read if name == dotenv else _reader(folder, name)
        gathered.one(name, reader, asked=bool(named) and name not in named)
    for name, reader in readers.items():
        if reader is python_source.read:
            gathered.python(name)
        elif reader and name not in (dotenv, *_USUAL):
            gathered.one(name, reader)
    return gathered


_Reader = Callable[[str, bytes], Found]


def _reader(folder: Folder, name: str) -> _Reader | None:
    """Return what reads a file of that name; None stands for Compose."""
    last = name.rpartition("/")[2]
    if os.path.isdir(folder.file(name).path) or last.endswith((".py", ".pyi")):
        return python_source.read
    if last.endswith((".yaml", ".yml")):
        return None
    if re.fullmatch(r"\.?devcontainer\.json", last):
        return _devcontainer
    if re.fullmatch(r"\.env(\..+)?|.+\.env", last):
        return envfile.read
    if re.fullmatch(r"Procfile(\..+)?", last):
        return _procfile
    raise UsageError(f"{name} is of no kind that is read", hint=f"name {_KINDS}")


def _set_in(folder: Folder, name: str) -> frozenset[str]:
    """Return the variables of the user's in an env file that containers get."""
    try:
        data = originals.read(folder, name) or b""
    except PortconfError:
        return frozenset()
    # What portconf writes as a whole has nobody else's variables in it.
    ours = MARK.encode() in data.split(b"\n", 1)[0]
    return frozenset() if ours else envfile.names(data)


def _offered(name: str) -> bool:
    """Tell whether a file is named like one to adopt; Rails has a Procfile.dev."""
    return resembles(name) or re.fullmatch(r"Procfile\..+", name) is not None


def _plain_file(path: str) -> bool:
    """Tell whether a path is a file, and no link: that may be one that was read."""
    return os.path.isfile(path) and not os.path.islink(path)


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
