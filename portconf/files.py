"""Files of a project on disk: read whole, replaced whole."""

import errno
import os
import stat
from contextlib import suppress

from portconf.errors import FileConflictError, StoreError
from portconf.folder import File


_TEMPORARY = ".portconf-tmp"


def read(file: File) -> bytes | None:
    """
    Return the content, or None where there is no file.

    No lock is needed: files are replaced whole.

    Raises:
        FileConflictError: If it leads out of the checkout, or is no regular file.
        StoreError: If it cannot be read.
    """
    target = file.target()
    try:
        # O_NONBLOCK: a named pipe in the file's place would hang us for ever.
        descriptor = os.open(target, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(file, "read", error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileConflictError(
            f"{file.name} is not a regular file",
            path=file.name,
            hint="move it away, or choose another name in tool.portconf",
        )
    with open(descriptor, "rb") as stream:
        try:
            return stream.read()
        except OSError as error:
            raise _refused(file, "read", error) from error


def check(file: File) -> None:
    """
    Refuse a file that `replace` would refuse, as far as looking can tell.

    Of several files all are checked before the first is written: a refusal in the
    middle would leave half a change.

    Raises:
        FileConflictError: If it is a link that leads out of the checkout.
        StoreError: If it, or the folder it goes to, cannot be written.
    """
    target = file.target()
    try:
        _writable_mode(file, target)
        folder = os.path.dirname(target)
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        if not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _refused(file, "written", error) from error


def replace(file: File, data: bytes) -> None:
    """
    Put ``data`` in the file's place, whole and durably.

    After a power loss the file holds the old content or the new; once this has
    returned, the new. The mode is kept; owner, attributes and hard links are not. The
    caller holds the lock.

    Args:
        file: Its folder is made where missing.
        data: The whole content.

    Raises:
        FileConflictError: If it is a link that leads out of the checkout.
        StoreError: If the file is read-only or cannot be written. The old content
            is then in place (if only the folder could not be synced: the new, which
            a power loss may undo), and no temporary file.
    """
    target = file.target()
    try:
        mode = _writable_mode(file, target)
        folder, name = os.path.split(target)
        make_folder(folder)
        _sweep(folder, name)
        temporary = os.path.join(
            folder, f".{name}.{os.getpid()}-{os.urandom(4).hex()}{_TEMPORARY}"
        )
        try:
            _write(temporary, data, mode)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)
    except OSError as error:
        raise _refused(file, "written", error) from error


def _writable_mode(file: File, target: str) -> int | None:
    """Return the mode to keep, or None for a new file; refuse a read-only one."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    # A rename would replace a file that somebody protected; root passes os.access.
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise StoreError(
            f"{file.name} cannot be written: it is read-only",
            path=file.name,
            hint=f"chmod u+w {file.name}",
        )
    return stat.S_IMODE(status.st_mode)


def make_folder(folder: str) -> None:
    """Make a folder and those above it, each durable in its own."""
    if not os.path.isdir(folder):
        parent = os.path.dirname(folder)
        make_folder(parent)
        with suppress(FileExistsError):  # by another command, just now
            os.mkdir(folder)
        _sync_folder(parent)


def _sweep(folder: str, name: str) -> None:
    """Remove what a killed writer left, and not what another one is writing."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(f".{name}.") and entry.name.endswith(_TEMPORARY):
                pid = entry.name.removeprefix(f".{name}.").partition("-")[0]
                with suppress(OSError):
                    if not _alive(pid):
                        os.unlink(entry.path)


def _alive(pid: str) -> bool:
    """Tell whether a process of that number is there."""
    if os.name == "nt" or not pid.isdecimal():  # there a signal of 0 ends it
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def _write(path: str, data: bytes, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    # Never wider than it will be: a `.env` may hold secrets.
    descriptor = os.open(path, flags, 0o666 if mode is None else mode & 0o700)
    with open(descriptor, "wb", buffering=0) as stream:
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]
        if mode is not None and os.name != "nt":
            os.fchmod(descriptor, mode)
        # Without it some file systems show an empty file after a power loss.
        os.fsync(descriptor)


def _sync_folder(folder: str) -> None:
    """Make what was renamed or made in ``folder`` durable, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems that sync no folders
            raise
    finally:
        os.close(descriptor)


def _refused(file: File, what: str, error: OSError) -> StoreError:
    return StoreError(
        f"{file.name} cannot be {what}: {error.strerror or error}", path=file.name
    )
