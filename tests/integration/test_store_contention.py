"""Many writers of one project at once: nothing is lost, and nothing given twice."""

import os

from commandline import run
from contention import crowd, temporaries

from portconf import PortManager


# All 3,200 take minutes: each reads a growing file twice and writes it anew.
NAMES = 50 if os.environ.get("PORTCONF_TESTS_FULL") else 5
BROWSERS_REFUSE = {4045, 4190, 5060, 5061, 6000, 6566}
BROWSERS_REFUSE |= {6665, 6666, 6667, 6668, 6669, 6679, 6697}


def test_sixteen_processes_of_four_threads_lose_nothing_and_get_nothing_twice(sample):
    found = crowd(sample.root, processes=16, threads=4, names=NAMES)

    assert found.errors == []
    ports = sorted(found.answers.values())
    assert len(ports) == 16 * 4 * NAMES
    span = range(4000, ports[-1] + 1)
    assert ports == [port for port in span if port not in BROWSERS_REFUSE]
    manager = PortManager(root=sample.root)
    assert {name: manager.get_port(name) for name in found.answers} == found.answers
    assert temporaries(sample.root) == []


def test_inits_and_assignments_at_once_end_in_one_plan(sample):
    found = crowd(sample.root, processes=3, threads=2, names=4, inits=3)

    assert found.errors == []
    assert run("init", at=sample.root).code == 0
    assert "nothing to do" in run("init", at=sample.root).err
    kept = {name: each.port for name, each in sample.project.plan().services.items()}
    assert found.answers.items() <= kept.items()
    assert sorted(kept.values()) == list(range(4000, 4000 + 24 + 7))
    assert temporaries(sample.root) == []


def test_inits_at_once_write_what_one_does(sample, make_sample):
    alone = make_sample(name="alone", git=True)
    assert run("init", at=alone.root).code == 0

    found = crowd(sample.root, processes=0, names=2, inits=6)

    assert found.errors == []
    assert sample.plan_file.read_bytes() == alone.plan_file.read_bytes()
    again = run("init", at=sample.root)
    assert "nothing to do" in again.err
