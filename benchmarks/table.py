"""The table that the benchmarks print: a figure, its target, and what bounds it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self


HEAD = ("what", "figure", "min-max", "rounds", "target", "", "what bounds it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One line.

    Attributes:
        what: The measure; what stands before it in brackets is its group.
        figure: With its unit.
        spread: The least and the most of all rounds.
        rounds: How many there were.
        target: In words; empty where there is none.
        met: Whether the figure reaches the target; None without one.
        bound: What keeps the figure from being better.
    """

    what: str
    figure: str
    spread: str = ""
    rounds: int = 1
    target: str = ""
    met: bool | None = None
    bound: str = ""

    @classmethod
    def of(
        cls,
        what: str,
        samples: Sequence[float],
        *,
        unit: str,
        at_most: float | None = None,
        at_least: float | None = None,
        pick: Callable[[Sequence[float]], float] = median,
        bound: str = "",
    ) -> Self:
        """Make the line of a figure that each round gave once."""
        value = pick(samples)
        target, met = "", None
        if at_most is not None:
            target, met = f"at most {at_most:g}", value <= at_most
        elif at_least is not None:
            target, met = f"at least {at_least:g}", value >= at_least
        return cls(
            what=what,
            figure=f"{_short(value)} {unit}",
            spread=f"{_short(min(samples))}-{_short(max(samples))}",
            rounds=len(samples),
            target=target,
            met=met,
            bound=bound,
        )

    @classmethod
    def exactly(
        cls, what: str, found: object, wanted: object = None, *, bound: str = ""
    ) -> Self:
        """Make the line of a count, which knows no noise."""
        target, met = "", None
        if wanted is not None:
            target, met = f"exactly {wanted}", found == wanted
        return cls(what=what, figure=str(found), target=target, met=met, bound=bound)

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the columns."""
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        rounds = str(self.rounds) if self.spread else ""
        return (
            self.what,
            self.figure,
            self.spread,
            rounds,
            self.target,
            verdict,
            self.bound,
        )


def render(rows: Iterable[Row]) -> str:
    """Return the table, and below it how many targets are met."""
    all_rows = tuple(rows)
    lines = [HEAD, *(row.cells() for row in all_rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    judged = [row.met for row in all_rows if row.met is not None]
    text += ["", f"{sum(judged)} of {len(judged)} targets met"]
    return "\n".join(line.rstrip() for line in text) + "\n"


def _short(value: float) -> str:
    """Return three digits that count: 0.123, 1.23, 12.3, 1,234; a count as it is."""
    if abs(value) >= 100 or isinstance(value, int):
        return f"{value:,.0f}"
    return f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3}f}"
