"""
The lock that orders the changes of a project.

Every change is read, computed and written under it, so that two commands never write
from stale knowledge.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from portconf.errors import StoreError, StoreLockedError
from portconf.files import make_folder
from portconf.folder import File


LOCK_TIMEOUT = 10.0
# A look at a held lock is one system call. filelock's own wait of 50 ms between them
# lets one of sixteen writers wait 1.7 s.
_POLL = 0.002


@contextmanager
def locked(file: File, *, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """
    Hold the lock that orders the changes of a project.

    The kernel frees it when the holder dies. It lies in the checkout's git directory,
    which `git clean -xdf` does not touch: a lock deleted while held lets a second
    holder in. Where there is no git directory it lies beside the file.

    Args:
        file: The assignments file; every path to it gives the same lock.
        timeout: Seconds to wait; 0 tries once.

    Raises:
        StoreLockedError: If it is still held after ``timeout``.
        StoreError: If it cannot be taken, as on a read-only file system.
    """
    path = _lock_path(file)
    ends = time.monotonic() + timeout
    # The threads of a process queue here: each polling the kernel's lock by itself,
    # sixty-four of them leave the holder no processor to finish on.
    queue = _queues.setdefault(path, threading.Lock())
    if not queue.acquire(timeout=timeout):
        raise StoreLockedError(file.name, timeout=timeout)
    try:
        descriptor = _acquired(file, path, ends, timeout)
        try:
            yield
        finally:
            _release(descriptor)
    finally:
        queue.release()


_queues: dict[str, threading.Lock] = {}
_held: set[int] = set()


def _forget() -> None:
    """
    Forget, in a forked child, what the parent's threads hold.

    Nobody would ever release it there, and an open descriptor keeps the kernel's lock
    when the parent dies.
    """
    _queues.clear()
    while _held:
        os.close(_held.pop())
    whole.release()


# SQLite keeps locks and mutexes by process: a child that is forked while a thread is
# inside of it waits for ever, with the queue in its hands, or believes that it has locks
# which it has not. So no fork comes in between.
whole = threading.RLock()
"""What a fork waits for: held around whatever a child could not go on from."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=whole.acquire, after_in_parent=whole.release, after_in_child=_forget
    )


def _acquired(file: File, path: str, ends: float, timeout: float) -> int:
    """Take the kernel's lock by the moment ``ends``; return its descriptor."""
    # Readers need no lock, and importing filelock costs more than a bare start. Its
    # FileLock would do, at forty times the price of each look at a held lock.
    from filelock import lock_descriptor  # noqa: PLC0415

    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        make_folder(os.path.dirname(path))
        while True:
            descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o666)
            keep(descriptor)
            try:
                got = _waited(
                    partial(lock_descriptor, descriptor, blocking=False), ends
                )
                # Somebody may have deleted the file: it then locks nobody out.
                if got and os.fstat(descriptor).st_nlink:
                    return descriptor
            except BaseException:
                drop(descriptor)
                raise
            drop(descriptor)
            if not got:
                break
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(
            f"{file.name} cannot be locked: {path}: {reason}",
            path=file.name,
            hint="make that folder writable, on a file system with locks",
        ) from error
    raise StoreLockedError(file.name, timeout=timeout)


def _waited(look: Callable[[], bool], ends: float) -> bool:
    """Look until it is true, or the moment ``ends`` has come; look once at least."""
    while not look():
        if time.monotonic() >= ends:
            return False
        time.sleep(_POLL)
    return True


def _release(descriptor: int) -> None:
    from filelock import unlock_descriptor  # noqa: PLC0415

    try:
        # Not by closing alone: a child forked meanwhile may hold a copy.
        unlock_descriptor(descriptor)
    finally:
        drop(descriptor)


def keep(descriptor: int) -> None:
    """Remember a descriptor that may hold a lock, which no forked child must have."""
    _held.add(descriptor)


def drop(descriptor: int) -> None:
    """Close a descriptor that was kept."""
    _held.discard(descriptor)
    os.close(descriptor)


def _lock_path(file: File) -> str:
    if file.folder.git_dir:
        return os.path.join(file.folder.git_dir, "portconf", "lock")
    folder, name = os.path.split(file.target())
    return os.path.join(folder, f".{name}.lock")
