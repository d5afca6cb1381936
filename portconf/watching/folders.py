"""What the system says of changed files, and a turn now and then where it says nothing."""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress

import watchfiles


# Seconds between two turns at the most.
_TURN = 0.25
# Milliseconds: files that are written one after the other are one change.
_DEBOUNCE, _STEP = 100, 50


def folders(files: Iterable[str]) -> dict[str, int]:
    """Return the folders of files, or the nearest above that are there, with inodes."""
    found = {}
    for folder in sorted(set(map(_folder, files))):
        with suppress(OSError):  # it has gone this moment
            found[folder] = os.stat(folder).st_ino
    return found


def changes(
    there: Iterable[str], stop: threading.Event, *, warn: Callable[[str], object]
) -> Generator[None, None, None]:
    """
    Yield where a file may have changed, and at each turn.

    Args:
        there: The folders of the files.
        stop: When to end. It is not waited for: a signal's handler may set it, which
            would then wait for ever for the lock that it interrupts.
        warn: Is told why the system says nothing.
    """
    try:
        for _ in watchfiles.watch(
            *there,
            watch_filter=None,
            debounce=_DEBOUNCE,
            step=_STEP,
            stop_event=stop,
            rust_timeout=int(1000 * _TURN),
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=True,
        ):
            yield
    except FileNotFoundError:  # it has gone this moment
        time.sleep(_TURN)
        yield
    except (OSError, RuntimeError) as error:
        # Mostly too many are watched already: see fs.inotify.max_user_watches.
        warn(f"files are looked at every {_TURN:g} s: {error}")
        while not stop.is_set():
            time.sleep(_TURN)
            yield


def _folder(path: str) -> str:
    """Return the folder of a file, or the nearest one above that is there."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder
