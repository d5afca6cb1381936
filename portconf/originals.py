"""A project's own files as they are today, read with limits: they are anybody's."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NoReturn

from portconf import files
from portconf.errors import PortconfError, StoreError
from portconf.folder import Folder


LARGEST = 2_000_000
MOST_SOURCES = 5000
_BOM = "\ufeff"
_NOT_OURS = frozenset({"node_modules", "__pycache__", "site-packages"})


def read(folder: Folder, name: str) -> bytes | None:
    """
    Return a file's content, or None where there is none.

    Args:
        folder: The project's folder.
        name: The file, relative to it.

    Raises:
        StoreError: If it cannot be read, is no regular file, leads out of the checkout
            or is too large.
    """
    file = folder.file(name)
    try:
        size = os.stat(file.target()).st_size
    except (OSError, ValueError):  # ValueError: a NUL in the name
        size = 0
    if "\0" in name or size > LARGEST:
        _refuse(
            name, f"is larger than {LARGEST // 1_000_000} MB" if size else "is no name"
        )
    return files.read(file)


def text(folder: Folder, name: str) -> str | None:
    """
    Return a text's content, byte-order mark and line ends as they are.

    Raises:
        StoreError: As `read` does, or if it is not UTF-8.
    """
    data = read(folder, name)
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        _refuse(name, f"is not UTF-8 at byte {error.start}")


def _refuse(name: str, reason: str) -> NoReturn:
    raise StoreError(f"{name} {reason}", path=name)


class Texts(Mapping[str, str]):
    """
    The texts of a project by name; each is read when it is first asked for.

    Args:
        folder: The project's folder.
        whole: Keep the byte-order mark, as for who edits the text.
    """

    def __init__(self, folder: Folder, *, whole: bool = False) -> None:
        self._folder, self._whole = folder, whole
        self._texts: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """Return a text; raises `StoreError` as `text` does, `KeyError` for none."""
        if name not in self._texts:
            found = text(self._folder, name)
            if found is None:
                raise KeyError(name)
            self._texts[name] = found if self._whole else found.removeprefix(_BOM)
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        """Yield what was asked for so far, and was there."""
        return iter(self._texts)

    def __len__(self) -> int:
        """Return how many were asked for so far, and were there."""
        return len(self._texts)


def sources(folder: Folder, name: str) -> tuple[list[str], str | None]:
    """
    Return the Python files in a folder of the project, and why some are missing.

    Not those of environments, of caches, of hidden folders, and none behind a link.

    Args:
        folder: The project's folder.
        name: A folder or file, relative to it.
    """
    top = folder.file(name).path
    if not os.path.isdir(top):
        return [name], None
    found: list[str] = []
    wrong: list[str] = []
    for here, inner, names in os.walk(top, onerror=lambda e: wrong.append(str(e))):
        inner[:] = sorted(
            each
            for each in inner
            if not each.startswith(".")
            and each not in _NOT_OURS
            and not os.path.lexists(os.path.join(here, each, "pyvenv.cfg"))
        )
        base = os.path.relpath(here, folder.root).replace(os.sep, "/")
        found += sorted(
            each if base == "." else f"{base}/{each}"
            for each in names
            if each.endswith(".py") and not os.path.islink(os.path.join(here, each))
        )
        if len(found) > MOST_SOURCES:
            return found[:MOST_SOURCES], f"holds more than {MOST_SOURCES} Python files"
    return found, wrong[0] if wrong else None


def shallow(folder: Folder) -> Iterator[str]:
    """
    Yield what lies in a project and in the folders in it, by name.

    Not deeper: many have their Compose file in `docker/` or `.devcontainer/`, and a
    tree of packages takes long to walk. None behind a link, as in `sources`; none of
    another checkout, as of a worktree that is kept in this one. What is a file is for
    the caller to ask, of those few whose names it wants: a folder may hold millions.
    """
    inner: list[str] = []
    with suppress(OSError):  # it may be entered, and not be listed
        inner = sorted(os.listdir(folder.root))
    for here in ("", *inner):
        path = os.path.join(folder.root, here)
        if here in _NOT_OURS or here == ".git" or os.path.islink(path):
            continue
        if here and os.path.lexists(os.path.join(path, ".git")):
            continue
        with suppress(OSError):
            for name in sorted(os.listdir(path)):
                yield f"{here}/{name}" if here else name


def reason(error: PortconfError, name: str) -> str:
    """Return an error's message without the file's name, which stands before it."""
    return error.message.removeprefix(f"{name} ")
