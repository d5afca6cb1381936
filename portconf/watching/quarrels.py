"""Which files `watch` leaves alone for a while, as somebody else writes them too."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


LEAVE = 60.0
"""Seconds for which a file is left alone that somebody else writes too."""

# So often a file is undone in so many seconds where somebody else writes it too.
_QUARREL, _WITHIN = 8, 20.0


@dataclass(slots=True, kw_only=True)
class Quarrels:
    """Which files were undone of late, and which are left alone for that."""

    _undone: dict[str, deque[float]] = field(default_factory=dict)
    _left: dict[str, float] = field(default_factory=dict)

    def undone(self, paths: Iterable[str], *, now: float) -> tuple[str, ...]:
        """
        Take in which files were written once more as they had been written.

        Returns:
            Those that somebody else writes again and again, and that are `left` now.
        """
        for path in {*paths} - self.left(now):
            self._undone.setdefault(path, deque(maxlen=_QUARREL)).append(now)
        fresh = {p: t for p, t in self._undone.items() if now - t[-1] <= _WITHIN}
        found = tuple(
            path
            for path, times in fresh.items()
            if len(times) == _QUARREL and now - times[0] <= _WITHIN
        )
        self._undone = {p: times for p, times in fresh.items() if p not in found}
        self._left |= dict.fromkeys(found, now + LEAVE)
        return found

    def left(self, now: float) -> frozenset[str]:
        """Return the files whose changes are to be left alone."""
        self._left = {path: until for path, until in self._left.items() if now < until}
        return frozenset(self._left)
