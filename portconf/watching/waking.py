"""
When `watch` makes a pass: facts before and after, as a yes or no.

1. A file that decides has changed since the last pass.
2. One of them may have changed since without a trace, as it was written within one tick
   of its clock: so for a moment after each change, but not for ever where that clock is
   ahead of ours.
3. The machine slept: anything may be new.
4. The time that the last pass has set is over.

That a file which `watch` would only write anew is gone is no reason, and none of 2
either while it is: it may be the first of a folder that is being removed, and to write
it would keep `rm -r` and `git worktree remove` from ending. The next pass for another
reason brings it back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


# Seconds: of 2; and by which the clock of the day has run off from the other.
_RESTLESS = 3.0
_SLEPT = 5.0

Prints = Mapping[str, tuple[int, ...] | None]
"""What changes when a file does, by its path; None where it is not there."""


class Moment(NamedTuple):
    """
    A moment.

    Attributes:
        now: Seconds of a clock that never goes back.
        wall_ns: Nanoseconds since the epoch.
    """

    now: float
    wall_ns: int


@dataclass(slots=True, kw_only=True)
class Waking:
    """
    What was so when the last pass was made.

    Attributes:
        prints: How the files were.
        settled: Whether each later change of them shows in their prints.
        again: When to make a pass in any case, in seconds of the clock that never
            goes back.
    """

    prints: Prints = field(default_factory=dict)
    settled: bool = True
    again: float = float("inf")
    _restless: float = 0.0
    _drift: float | None = None

    def slept(self, at: Moment) -> bool:
        """Tell whether the machine has slept since this was asked before."""
        before, self._drift = self._drift, at.wall_ns / 1e9 - at.now
        if before is None or abs(self._drift - before) <= _SLEPT:
            return False
        self.prints = {}
        return True

    def due(
        self,
        prints: Prints,
        now: float,
        *,
        ours: Collection[str],
        left: Collection[str] = (),
    ) -> bool:
        """
        Tell whether a pass is due.

        Args:
            prints: How the files are.
            now: Seconds of a clock that never goes back.
            ours: Those whose loss is no reason.
            left: Those that are no reason at all.
        """
        changed = {
            path
            for path, each in prints.items()
            if path not in left and each != self.prints.get(path, ())
        }
        gone = {path for path in changed if prints[path] is None and path in ours}
        lost = {path for path in gone if self.prints.get(path)}
        if changed - lost:
            self._restless = now + _RESTLESS
        unsettled = not (self.settled or lost) and now < self._restless
        return bool(changed - lost) or unsettled or now >= self.again
