"""Where the registry lies, and whether that place can be trusted."""

import errno
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass

from portconf.errors import RegistryError
from portconf.registry import queue


VARIABLE = "PORTCONF_REGISTRY"
OFF = "off"
_FILE = "registry.sqlite3"
_FORBIDDEN = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ELOOP),
}
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where a registry is.

    Attributes:
        path: Its file, which need not exist.
        named: Whether `PORTCONF_REGISTRY` names it: it may then be a group's, and
            nothing takes its place where it cannot be written.
    """

    path: str
    named: bool = False

    def trusted(self) -> "Place":
        """
        Refuse a place where somebody else could give our ports away.

        Raises:
            RegistryError: If the folder or the file is a symbolic link, is writable
                by everybody, or belongs to another user. A named place may belong to
                another user where it is writable by one of our groups.
        """
        folder = os.path.dirname(self.path)
        for path, is_right, kind in (
            (folder, stat.S_ISDIR, "a folder"),
            (self.path, stat.S_ISREG, "a regular file"),
        ):
            try:
                status = os.lstat(path)
            except OSError:  # not there yet, or not to be seen: opening it will tell
                continue
            wrong = self._wrong(status)
            if not is_right(status.st_mode):
                link = stat.S_ISLNK(status.st_mode)
                wrong = "is a symbolic link" if link else f"is not {kind}"
            if wrong:
                raise RegistryError(
                    f"the registry {self.path} is refused: {path} {wrong}",
                    path=self.path,
                    hint="make it yours alone (folder 0700, file 0600), or name another"
                    f" path in the variable {VARIABLE}",
                )
        return self

    def _wrong(self, status: os.stat_result) -> str | None:
        """Return what is wrong with the owner or the mode, or None."""
        if not hasattr(os, "geteuid"):
            return None
        shared = self.named and bool(status.st_mode & stat.S_IWGRP)
        ours = shared and status.st_gid in (os.getegid(), *os.getgroups())
        if status.st_mode & stat.S_IWOTH:
            return "can be written by everybody"
        if status.st_uid != os.geteuid() and not ours:
            return f"belongs to another user (uid {status.st_uid})"
        if status.st_mode & _OTHERS_WRITE and not self.named:
            return "can be written by its group"
        return None

    def writable(self, *, make: bool = False) -> bool:
        """
        Tell whether the registry can be written.

        Args:
            make: Make the folder, as a sandbox may forbid that alone.
        """
        folder = os.path.dirname(self.path)
        try:
            if make:
                os.makedirs(os.path.dirname(folder), exist_ok=True)
                with suppress(FileExistsError):
                    os.mkdir(folder, 0o700)
            if os.path.lexists(self.path) and not os.access(self.path, os.W_OK):
                return False
            if make or os.path.lexists(f"{self.path}-queue"):
                # A sandbox can forbid what the permissions allow: only opening tells.
                os.close(queue.opened(self.path, make=make))
        except OSError as error:
            if error.errno not in _FORBIDDEN:
                raise RegistryError(
                    f"the registry {self.path} cannot be opened: {error.strerror}",
                    path=self.path,
                    hint=f"mend that, or name another path in the variable {VARIABLE}",
                ) from error
            return False
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        # SQLite makes its journal beside the file.
        return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def machine() -> Place | None:
    """
    Return the registry of the machine, or None where it is switched off.

    Raises:
        RegistryError: If `PORTCONF_REGISTRY` is neither an absolute path nor `off`, or
            it is not set and there is no home folder.
    """
    named = os.environ.get(VARIABLE, "")
    if named == OFF:
        return None
    if named:
        path = os.path.expanduser(named)
        if not os.path.isabs(path):
            raise RegistryError(
                f"{VARIABLE} must be an absolute path or {OFF!r}, got {named!r}",
                hint="two folders would otherwise have two registries",
            )
        if os.path.isdir(path) and not os.path.islink(path):
            path = os.path.join(path, _FILE)
        return Place(path=os.path.normpath(path), named=True)
    return Place(path=os.path.join(_state_folder(), "portconf", _FILE))


def inside(folder: str) -> Place:
    """Return the registry in a folder, for where the machine's cannot be written."""
    return Place(path=os.path.join(folder, _FILE))


def _state_folder() -> str:
    if sys.platform != "linux":
        import platformdirs  # noqa: PLC0415 - costs two bare starts

        return os.path.dirname(platformdirs.user_state_dir("portconf", appauthor=False))
    # The rule of the XDG Base Directory Specification, by which a relative path is
    # to be ignored; what platformdirs says too, at a price that each command would pay.
    given = os.environ.get("XDG_STATE_HOME", "")
    folder = given if os.path.isabs(given) else os.path.expanduser("~/.local/state")
    if not os.path.isabs(folder):  # no HOME, and a user whom nobody knows
        raise RegistryError(
            "the registry has no place: the user's home folder is not known",
            hint=f"set HOME to an absolute path, or name a registry in {VARIABLE}",
        )
    return folder
