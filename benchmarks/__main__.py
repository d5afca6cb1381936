"""Measure what the design promises, and print one table: `python benchmarks`."""

import argparse
import os
import platform
import sys
from pathlib import Path


# For the model of a power loss, which the tests have.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import crosstalk
import crowd
import durable
import growth
import guard
import leases
import listeners
import peers
import plugin
import race
import runners
import safety
import shop
import start
import wait
import warm
import watching
from table import Row, render


GROUPS = {
    module.__name__: module
    # What needs the settled project comes last: it takes two seconds to settle.
    for module in (
        growth,
        durable,
        crowd,
        safety,
        leases,
        crosstalk,
        peers,
        race,
        runners,
        listeners,
        guard,
        plugin,
        wait,
        watching,
        start,
        warm,
    )
}


def main() -> int:
    """Run the groups that are asked for; without names, all."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(GROUPS)}"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: only a look")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(GROUPS))
    if unknown:
        parser.error(f"no benchmark is named {', '.join(unknown)}")
    print(_machine())
    rows: list[Row] = []
    with shop.place() as place:
        for name in dict.fromkeys(options.names or GROUPS):
            print(f"measuring: {name}", file=sys.stderr)
            rows += GROUPS[name].rows(place / name, quick=options.quick)
    print(render(rows), end="")
    return 0


def _machine() -> str:
    """Say what the figures were taken on: a loaded machine makes its own."""
    python = f"Python {platform.python_version()} on {platform.system()}"
    load = f"{os.getloadavg()[0]:.1f}"
    return f"{python}, {os.cpu_count()} cores, load {load} at the start"


if __name__ == "__main__":
    sys.exit(main())
