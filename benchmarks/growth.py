"""Planning: how its time grows with the number of services."""

from collections.abc import Callable, Iterator
from functools import partial
from math import log
from pathlib import Path

from rounds import interleave
from table import Row

from portconf import plan as planning
from portconf.model import Plan, Service


_SIZES = (100, 1000, 10000)
# The exponent that n log n itself shows between the least and the most of them.
_N_LOG_N = 1 + log(log(_SIZES[-1]) / log(_SIZES[0])) / log(_SIZES[-1] / _SIZES[0])


def rows(_place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure a first `init`, and one that finds everything kept."""
    for what, begun in (("planning anew", False), ("planning again", True)):
        actions = {str(size): _action(size, begun=begun) for size in _SIZES}
        times = interleave(actions, 1 if quick else 15)
        small, large = times[str(_SIZES[0])], times[str(_SIZES[-1])]
        span = log(_SIZES[-1] / _SIZES[0])
        exponents = [log(b / a) / span for a, b in zip(small, large, strict=True)]
        yield Row.of(
            f"{what}, exponent of 100-10,000",
            exponents,
            unit=f"(n log n: {_N_LOG_N:.2f})",
            at_most=round(_N_LOG_N, 2),
            bound="1 would be linear",
        )
        each = [1e6 * took / _SIZES[-1] for took in large]
        yield Row.of(f"{what}, 10,000 services", each, unit="us a service")


def _action(size: int, *, begun: bool) -> Callable[[], object]:
    services = tuple(Service(name=f"service-{number}") for number in range(size))
    plan: Plan = planning.begin(4000)
    if begun:
        plan, _ = planning.extend(plan, services, last_port=32767)
    return partial(planning.extend, plan, services, last_port=32767)
