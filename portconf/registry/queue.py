"""The queue before a registry: one change at a time, first come, first served."""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from portconf.errors import RegistryBusyError
from portconf.locks import drop, keep


@contextmanager
def turn(registry: str, *, timeout: float) -> Iterator[None]:
    """
    Hold the first place in the queue for a registry.

    The kernel serves those who wait for a file's lock in the order of their coming, and
    frees the place of who dies. Looking again and again instead lets newcomers
    overtake: one of 32 waited 45 s for SQLite's own lock.

    Args:
        registry: The registry's file; beside it lies the file of the queue.
        timeout: Seconds to wait.

    Raises:
        RegistryBusyError: If the turn has not come after ``timeout``.
        OSError: If the file of the queue cannot be opened.
    """
    from filelock import lock_descriptor, unlock_descriptor  # noqa: PLC0415 - for changes

    descriptor = opened(registry, make=True)
    keep(descriptor)
    try:
        first = lock_descriptor(descriptor, blocking=False)
    except BaseException:
        drop(descriptor)
        raise
    if not first and not _Waiter(descriptor).got_within(timeout):
        raise RegistryBusyError(registry, timeout=timeout)
    try:
        yield
    finally:
        # Not by closing alone: a child forked meanwhile may hold a copy.
        unlock_descriptor(descriptor)
        drop(descriptor)


def opened(registry: str, *, make: bool) -> int:
    """
    Open the file of the queue, which shows whether the folder can be written.

    The registry itself is opened by SQLite alone: closing any descriptor of a file
    drops all locks that the process has on it, those of other threads too.

    Args:
        registry: The registry's file.
        make: Whether to make the file of the queue.

    Raises:
        OSError: If it cannot be opened for writing.
    """
    path = f"{registry}-queue"
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    with suppress(FileExistsError):
        if make:
            created = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            share(created, os.path.dirname(path))
            return created
    return os.open(path, flags)


def share(descriptor: int, folder: str) -> None:
    """Let the group write a new file, where the folder is the group's too."""
    if os.stat(folder).st_mode & stat.S_IWGRP:
        os.fchmod(descriptor, 0o660)  # of which a umask would have cut


def _wait(descriptor: int) -> None:
    """Take the lock in the order of the kernel's queue, where it has one."""
    try:
        from fcntl import LOCK_EX, flock  # noqa: PLC0415 - not on Windows
    except ImportError:
        from filelock import lock_descriptor  # noqa: PLC0415 - looks again and again

        lock_descriptor(descriptor, blocking=True)
    else:
        flock(descriptor, LOCK_EX)  # filelock's would look every 50 ms, too


class _Waiter(threading.Thread):
    """
    Waits for a lock in the kernel's queue, which knows no time-out.

    Whoever gives up leaves the descriptor to it: it lets go of what it gets too late.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(name="portconf-queue", daemon=True)
        self._descriptor = descriptor
        self._guard = threading.Lock()
        self._got = threading.Event()
        self._left = False

    def run(self) -> None:
        """Wait, for as long as it takes."""
        _wait(self._descriptor)
        with self._guard:
            if self._left:
                drop(self._descriptor)
            self._got.set()

    def got_within(self, timeout: float) -> bool:
        """Wait for ``timeout`` seconds; if it is False, the descriptor is gone."""
        self.start()
        got = False
        try:
            got = self._got.wait(timeout)
        finally:
            with self._guard:
                self._left = not got
                if self._left and self._got.is_set():  # a moment too late
                    drop(self._descriptor)
        return got
