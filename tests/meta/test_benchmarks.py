"""The benchmarks run, and say what they find; no time is asserted here."""

import subprocess
import sys
from pathlib import Path

import pytest


BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# A row of each group.
ROWS = (
    "planning anew, 10,000 services",
    "durable assign, 7 services",
    "rate of 16 processes",
    "writers killed: lost assignments",
    "leases taken and given up",
    "portconf: given twice",
    "among strangers, portconf: lost",
    "the last block free: choosing it",
    "launches served: portconf run",
    "listeners and an owner, idle",
    "portconf guard, 50 services",
    "Project.wait sees a late service",
    "portconf watch, a new service on disk",
    "portconf watch, idle, 7 services",
    "invoke ports.status",
    "nox -s ports-status",
    "portconf get NAME",
    "portconf init, nothing to do",
    "modules that get redis adds",
    "get_port, warm",
)


def test_every_benchmark_prints_its_rows():
    done = subprocess.run(
        [sys.executable, BENCHMARKS, "--quick"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert [row for row in ROWS if row not in done.stdout] == []


def test_an_unknown_benchmark_is_refused_with_those_that_there_are():
    done = subprocess.run(
        [sys.executable, BENCHMARKS, "nothing"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )

    assert done.returncode == 2
    assert "no benchmark is named nothing" in done.stderr


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        ({"at_most": 3}, "met"),
        ({"at_most": 2.9}, "MISSED"),
        ({"at_least": 3}, "met"),
        ({"at_least": 3.1}, "MISSED"),
        ({}, ""),
    ],
)
def test_the_median_is_held_against_the_target(target, verdict, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from table import Row, render

    row = Row.of("speed", [9.0, 1.0, 3.0], unit="x", **target, bound="light")

    assert row.cells()[:4] == ("speed", "3.00 x", "1.00-9.00", "3")
    assert row.cells()[5] == verdict
    assert f"{int(verdict == 'met')} of {int(bool(verdict))} targets met" in render(
        [row]
    )
