"""
Which events ring, and what an alert says.

The rules.

1. Of one service, one kind of event rings at most once in `HOLD` seconds.
2. What comes sooner is owed: it rings when the time is over, if it still holds.
3. What is over before it rang, and was not rung the last time either, never rings.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from portconf.watching.events import Event, Kind


HOLD = 60.0
"""Seconds in which one kind of event of one service rings once."""

_Subject = tuple[str, Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """
    What was rung of one trouble of one service.

    Attributes:
        last: The kind that rang last, or None.
        until: By kind, the moment from which it may ring again.
        owed: What is to ring then, or None.
        muted: Whether it was said since the last ring that something is owed.
    """

    last: Kind | None = None
    until: Mapping[Kind, float] = field(default_factory=dict)
    owed: Event | None = None
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """
    What events come to.

    Attributes:
        rung: What is to be remembered: of each trouble, for as long as rule 1 holds.
        due: What rings now.
        held: What is owed from now on, the first of each trouble since it last rang.
    """

    rung: Mapping[_Subject, Rung] = field(default_factory=dict)
    due: tuple[Event, ...] = ()
    held: tuple[Event, ...] = ()


def ring(
    rung: Mapping[_Subject, Rung],
    events: Iterable[Event],
    *,
    on: Collection[str],
    now: float,
    hold: float = HOLD,
) -> Rings:
    """
    Say which events ring.

    Args:
        rung: What `ring` said is to be remembered.
        events: What happened since.
        on: The kinds that ring.
        now: Seconds of a clock that never goes back.
        hold: Seconds of rule 1.
    """
    known = dict(rung)
    due, held = list[Event](), list[Event]()
    for event in events:
        subject = (event.service, event.was or event.kind)
        before = known.get(subject, Rung())
        after = replace(before, owed=None)
        if event.kind in on:
            if now >= before.until.get(event.kind, now):
                due.append(event)
                after = _rung(before, event, now + hold)
            elif event.kind is not before.last:
                held += [] if before.muted else [event]
                after = replace(before, owed=event, muted=True)
        known[subject] = after
    for subject, each in known.items():
        if each.owed and now >= each.until[each.owed.kind]:
            due.append(each.owed)
            known[subject] = _rung(each, each.owed, now + hold)
    kept = {
        subject: each
        for subject, each in known.items()
        if each.owed or any(now < moment for moment in each.until.values())
    }
    return Rings(rung=kept, due=tuple(due), held=tuple(held))


def _rung(before: Rung, event: Event, until: float) -> Rung:
    return Rung(last=event.kind, until={**before.until, event.kind: until})
