"""What is given by a thread, one thing after the other, so that nobody waits for it."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar


T = TypeVar("T")
_SLICE = 0.02  # seconds


class Lane(Generic[T]):
    """
    A short queue, and the thread that gives what is in it.

    Args:
        name: For the name of the thread.
        give: Gives one thing, which may take for ever; it raises `OSError` where the
            thing is lost.
        lost: Is told how many things were lost, when it goes on after that.
        most: So many things wait; what comes on top is lost.
    """

    def __init__(
        self,
        name: str,
        give: Callable[[T], object],
        *,
        lost: Callable[[int], object],
        most: int,
    ) -> None:
        self._give, self._lost, self._most = give, lost, most
        self._waiting = deque[T]()
        self._dropped = 0
        self._over = False
        self._changed = threading.Condition()
        # Daemonic for what cannot be cut: the program may end all the same.
        self._thread = threading.Thread(
            target=self._run, name=f"portconf-{name}", daemon=True
        )
        self._thread.start()

    def put(self, thing: T) -> None:
        """Let a thing be given, after those that wait."""
        with self._changed:
            if len(self._waiting) < self._most:
                self._waiting.append(thing)
                self._changed.notify()
            else:
                self._dropped += 1

    def end(self, *, within: float, cut: Callable[[], object] | None = None) -> None:
        """
        End it.

        Args:
            within: Seconds to wait for the thread.
            cut: Ends what is being given, and what waits is not given; None: what
                waits is given, as far as there is time.
        """
        with self._changed:
            self._over = True
            if cut:
                self._waiting.clear()
            self._changed.notify()
        until = time.monotonic() + within
        while self._thread.is_alive() and time.monotonic() < until:
            if cut:
                cut()  # it may have begun after the last cut
            self._thread.join(_SLICE)
        with self._changed:
            self._dropped += len(self._waiting)
            self._waiting.clear()
        self._tell()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    return
                thing = self._waiting.popleft()
            try:
                self._give(thing)
            except OSError:
                with self._changed:
                    self._dropped += 1
            else:
                self._tell()

    def _tell(self) -> None:
        with self._changed:
            count, self._dropped = self._dropped, 0
        if count:
            self._lost(count)
