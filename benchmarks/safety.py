"""Nothing lost, nothing twice: counts, which no noise excuses."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import contention
import powerloss
import shop
from table import Row

from portconf import plan as planning, store
from portconf.errors import StoreFormatError
from portconf.model import Plan


_ASSIGN = "from portconf import assign_port; print(assign_port('new'))"


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Count what contention, kills and a loss of power do to a project."""
    yield from _crowd(place / "crowd", *((4, 2, 5) if quick else (16, 4, 50)))
    yield from _killings(place / "killings", 10 if quick else 500)
    if not powerloss.available():
        yield Row(what="power loss", figure="-", bound="needs strace, allowed to trace")
        return
    kept = shop.make(place / "assign")
    yield _power_loss("assign", kept, (sys.executable, "-c", _ASSIGN))
    fresh = shop.make(place / "init", init=False)
    yield _power_loss("init", fresh, (sys.executable, "-m", "portconf", "init"))


def _crowd(place: Path, processes: int, threads: int, names: int) -> Iterator[Row]:
    """Assign distinct names from all sides, then look at the file."""
    root = shop.make(place, init=False)
    found = contention.crowd(root, processes=processes, threads=threads, names=names)
    kept = {name: each.port for name, each in _kept(root).services.items()}
    ports = set(kept.values())
    span = range(min(ports), max(ports) + 1)
    gaps = sum(port not in ports and planning.why_not(port) is None for port in span)
    wanted = processes * threads * names
    what = f"{processes} processes x {threads} threads x {names} names"
    answered = sum(kept.get(name) == port for name, port in found.answers.items())
    yield Row.exactly(f"{what}: answered and kept", answered, wanted)
    yield Row.exactly(f"{what}: distinct ports", len(ports), wanted)
    yield Row.exactly(f"{what}: gaps, but stepped-over ports", gaps, 0)
    yield Row.exactly(f"{what}: errors", len(found.errors), 0)


def _killings(place: Path, kills: int) -> Iterator[Row]:
    """Kill writers at random moments."""
    found = contention.killings(shop.make(place), kills=kills)
    torn = sum("cannot be read" in fault for fault in found.faults)
    stayed = sum(fault.endswith("-tmp") for fault in found.faults)
    lost = len(found.faults) - torn - stayed
    what = f"{found.kills} writers killed"
    yield Row.exactly(f"{what}: torn files", torn, 0)
    heard = f"of {found.answers:,} answered"
    yield Row.exactly(f"{what}: lost assignments", lost, 0, bound=heard)
    left = f"{found.leftovers:,} before it"
    yield Row.exactly(f"{what}: files left after the next write", stayed, 0, bound=left)


def _power_loss(what: str, root: Path, words: tuple[str, ...]) -> Row:
    """Enumerate what a loss of power during a command can leave."""
    before, had = powerloss.snapshot(root), _kept(root).services
    ops = powerloss.record(words, cwd=root, env=os.environ, root=root)
    has = _kept(root).services
    states = tuple(powerloss.states(ops, before))
    corrupt = forgotten = 0
    for state in states:
        wanted = has if state.answered else had
        try:
            found = _parsed(state.tree.get(shop.ASSIGNMENTS)).services
        except StoreFormatError:
            corrupt += 1
        else:
            forgotten += any(found.get(name) != each for name, each in wanted.items())
    return Row(
        what=f"power loss during {what}: corrupt + forgotten",
        figure=f"{corrupt} + {forgotten}",
        target="exactly 0 + 0",
        met=corrupt + forgotten == 0,
        bound=f"of {len(states)} states, from {len(ops)} operations",
    )


def _kept(root: Path) -> Plan:
    file = root / shop.ASSIGNMENTS
    return _parsed(file.read_bytes() if file.exists() else None)


def _parsed(data: bytes | None) -> Plan:
    return planning.begin(4000) if data is None else store.parse(data, name="kept")
