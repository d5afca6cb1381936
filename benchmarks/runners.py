"""Task runners: what a verb adds to a task or session that does nothing."""

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import shop
from rounds import Process, added_ms, interleave
from table import Row


_FILES = {
    "bare_tasks.py": """\
from invoke import task

@task
def empty(c):
    pass
""",
    "ports_tasks.py": """\
from invoke import Collection
from portconf import tasks as ports

ns = Collection(ports)
""",
    "bare_nox.py": """\
import nox

@nox.session(python=False)
def empty(session):
    pass
""",
    "ports_nox.py": """\
import portconf.nox

portconf.nox.verbs()
""",
}
_RUNNERS = {
    "invoke": (("-c", "bare_tasks", "empty"), ("-c", "ports_tasks", "ports.status")),
    "nox": (
        ("-f", "bare_nox.py", "-s", "empty"),
        ("-f", "ports_nox.py", "-s", "ports-status"),
    ),
}
_BOUNDS = {
    "into a file": "imports: mostly portconf's dataclasses, then tomllib",
    "on a terminal": "the same, and rich",
}
_SHOWN = {"invoke": "invoke ports.status", "nox": "nox -s ports-status"}


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure `status`, into a pipe and on a terminal."""
    root = shop.make(place / "shop")
    for name, text in _FILES.items():
        (root / name).write_text(text, encoding="utf-8")
    # A terminal that nobody reads takes some kilobytes: more than one status, so it
    # is emptied after each.
    reader, terminal = os.openpty()
    os.set_blocking(reader, False)
    for runner, words in _RUNNERS.items():
        program = shop.script(runner)
        if program is None or find_spec(runner) is None:
            yield Row(what=_SHOWN[runner], figure="not installed")
            continue
        found = _measure(program, words, root, (reader, terminal), 1 if quick else 21)
        for where, added in found.items():
            yield Row.of(
                f"{_SHOWN[runner]}, {where}",
                added,
                unit="ms more than nothing",
                at_most=60,
                bound=_BOUNDS[where],
            )
    os.close(reader)
    os.close(terminal)


def _measure(
    program: str,
    words: tuple[tuple[str, ...], tuple[str, ...]],
    root: Path,
    pty: tuple[int, int],
    rounds: int,
) -> dict[str, list[float]]:
    empty, status = ((program, *each) for each in words)
    reader, terminal = pty
    drawn = Process(status, str(root), stdout=terminal)
    plain = Process(empty, str(root), stdout=terminal)
    actions: dict[str, Callable[[], None]] = {
        "empty": Process(empty, str(root)),
        "into a file": Process(status, str(root)),
        "empty on a terminal": lambda: _drained(plain, reader),
        "on a terminal": lambda: _drained(drawn, reader),
    }
    times = interleave(actions, rounds, warm_up=rounds > 1)
    return {
        "into a file": added_ms(times, "into a file", "empty"),
        "on a terminal": added_ms(times, "on a terminal", "empty on a terminal"),
    }


def _drained(action: Process, reader: int) -> None:
    action()
    try:
        while os.read(reader, 65536):
            pass
    except BlockingIOError:
        pass
