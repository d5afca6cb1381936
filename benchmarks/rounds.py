"""Times of actions that take turns, so that a drift of the machine meets them all."""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Process:
    """
    A command as an action: started, and waited for.

    Attributes:
        words: The command; its program by an absolute path.
        folder: Where it runs.
        stdout: A descriptor for its output; None drops it.
    """

    words: tuple[str, ...]
    folder: str
    stdout: int | None = None

    def __call__(self) -> None:
        os.chdir(self.folder)
        actions: list[tuple[object, ...]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        if self.stdout is not None:
            actions[1] = (os.POSIX_SPAWN_DUP2, self.stdout, 1)
        # Cheaper than `subprocess`, whose own work would flatter the ratios.
        pid = os.posix_spawn(
            self.words[0], self.words, os.environ, file_actions=actions
        )
        _, status = os.waitpid(pid, 0)
        if status:
            raise SystemExit(f"{shlex.join(self.words)} ended with status {status}")


def interleave(
    actions: Mapping[str, Callable[[], object]], rounds: int, *, warm_up: int = 2
) -> dict[str, list[float]]:
    """
    Run the actions in turn (A B C A B C ...) and return their times.

    Args:
        actions: By name.
        rounds: How often each is timed.
        warm_up: Turns before those, which do not count.

    Returns:
        Seconds by name, in the order of the rounds.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(-warm_up, rounds):
        for name, action in actions.items():
            began = perf_counter()
            action()
            took = perf_counter() - began
            if turn >= 0:
                times[name].append(took)
    return times


def ratios(times: Mapping[str, list[float]], name: str, base: str) -> list[float]:
    """Return how many times as long ``name`` took as ``base``, round by round."""
    return [a / b for a, b in zip(times[name], times[base], strict=True)]


def added_ms(times: Mapping[str, list[float]], name: str, base: str) -> list[float]:
    """Return how many milliseconds ``name`` took longer than ``base``."""
    return [1e3 * (a - b) for a, b in zip(times[name], times[base], strict=True)]
