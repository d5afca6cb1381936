"""Writers that are killed at random moments."""

import os

from contention import holder, killings, temporaries

from portconf import PortManager


KILLS = 500 if os.environ.get("PORTCONF_TESTS_FULL") else 100


def test_killed_writers_leave_a_whole_file_and_every_answered_assignment(sample):
    found = killings(sample.root, kills=KILLS)

    assert found.faults == []
    assert found.kills >= KILLS
    # Else nothing was shown.
    assert found.answers > 0
    assert found.leftovers > 0


def test_the_next_write_clears_what_a_killed_writer_left(sample):
    manager = PortManager(root=sample.root, lock_timeout=0)
    manager.assign_port("before")
    with holder(sample.root) as process:
        process.kill()
        process.wait()
    assert len(temporaries(sample.root)) == 1

    port = manager.assign_port("after")

    assert temporaries(sample.root) == []
    assert (port, manager.get_port("holder")) == (4001, None)
