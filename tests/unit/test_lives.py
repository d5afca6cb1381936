"""Whether a process has ended: asked of real ones, in every state."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from patience import state, until

from portconf.sockets import lives


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
_WAITS = "import sys; print('ready', flush=True); sys.stdin.read()"
# Ends the thread that every process begins with; another one waits.
_HEADLESS = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
print("ready", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


@contextmanager
def process(code: str = _WAITS, *before: str) -> Iterator[subprocess.Popen[str]]:
    """Let a process wait for the end of its standard input."""
    with subprocess.Popen(
        [*before, sys.executable, "-S", "-E", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


def began(pid: int) -> str:
    found = lives.started(pid)
    assert found is not None
    return found


def test_a_process_that_runs_has_not_ended():
    with process() as running:
        assert not lives.ended(running.pid, began(running.pid))

    assert not lives.ended(os.getpid(), began(os.getpid()))


def test_a_process_that_is_no_more_has_ended():
    with process() as running:
        then = began(running.pid)
        running.kill()
        running.wait()

        assert lives.ended(running.pid, then)
        assert lives.started(running.pid) is None


@linux
def test_a_zombie_has_ended():
    with process() as running:
        then = began(running.pid)
        running.kill()
        until(lambda: state(running.pid) == "Z")

        assert lives.ended(running.pid, then)


@linux
def test_a_stopped_process_has_not_ended():
    with process() as running:
        then = began(running.pid)
        running.send_signal(signal.SIGSTOP)
        until(lambda: state(running.pid) == "T")

        assert not lives.ended(running.pid, then)


@linux
def test_a_process_of_which_only_the_first_thread_has_ended_has_not():
    with process(_HEADLESS) as running:
        then = began(running.pid)
        until(lambda: state(running.pid) == "Z")
        assert running.poll() is None

        assert not lives.ended(running.pid, then)
        assert running.stdin is not None
        running.stdin.close()
        until(lambda: lives.ended(running.pid, then))


def test_a_process_that_became_another_program_has_not_ended():
    becomes = f"import os, sys; os.execv(sys.executable, ['x', '-c', {_WAITS!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", f"print('ready', flush=True); input(); {becomes}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        assert running.stdout.readline() == "ready\n"
        then = began(running.pid)
        print(file=running.stdin, flush=True)
        assert running.stdout.readline() == "ready\n"

        assert not lives.ended(running.pid, then)
        running.kill()


def test_of_two_processes_with_one_number_the_former_has_ended():
    with process() as running:
        boot, space, moment = began(running.pid).split("/")
        former = f"{boot}/{space}/{int(float(moment)) - 1}"

        assert lives.ended(running.pid, former)


@linux
def test_with_another_start_of_the_machine_every_process_has_ended():
    boot, rest = began(os.getpid()).split("/", 1)

    assert lives.ended(os.getpid(), f"{boot[::-1]}/{rest}")


@linux
def test_where_the_start_of_the_machine_is_hidden_nothing_is_taken_for_ended(
    monkeypatch, tmp_path
):
    """As in a sandbox that shows but some of /proc: outside of it they run on."""
    outside = began(os.getpid())
    monkeypatch.setattr(lives, "_BOOT", str(tmp_path / "none"))
    inside = began(os.getpid())

    assert not lives.ended(os.getpid(), outside)
    monkeypatch.undo()
    assert not lives.ended(os.getpid(), inside)


_AT_THE_LIMIT = """
import os, resource, sys
from portconf.sockets import lives, processes
then, theirs = lives.started(os.getpid()), lives.started(os.getppid())
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = []
try:
    while True:
        kept.append(os.open("/", os.O_RDONLY))
except OSError:
    pass
for room in range(3):
    assert not lives.ended(os.getppid(), theirs), room
    assert not lives.ended(os.getpid(), then), room
    os.close(kept.pop())
"""


@linux
def test_who_can_open_no_file_takes_nobody_for_ended():
    done = subprocess.run(
        [sys.executable, "-c", _AT_THE_LIMIT],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


# A process in a space of numbers of its own: tells who it is, and what it sees of us.
_APART = """
import os, sys
from portconf.sockets import lives
print(os.getpid(), lives.started(os.getpid()), lives.ended(*eval(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@contextmanager
def apart(*options: str, then: tuple[int, str]) -> Iterator[list[str]]:
    """Let a process in another space of numbers say what it sees, and stay."""
    words = ["unshare", "--pid", "--fork", "--kill-child", *options]
    with subprocess.Popen(
        [*words, sys.executable, "-c", _APART, repr(then)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            said = running.stdout.readline().split()
            if not said:
                pytest.skip("needs to make a space of process numbers")
            yield said
        finally:
            running.kill()


@linux
def test_of_a_process_in_another_space_of_numbers_nobody_tells_that_it_has_ended():
    with process() as gone:
        then = gone.pid, began(gone.pid)
        gone.kill()
        gone.wait()

    with apart("--mount-proc", then=then) as (pid, theirs, over):
        assert (pid, over) == ("1", "False")
        assert not lives.ended(1, theirs)
    assert not lives.ended(1, theirs)


@linux
def test_who_sees_the_processes_of_another_space_takes_none_of_them_for_itself():
    """As with `unshare --pid` alone: /proc/1 is then another process than number 1."""
    with apart(then=(os.getpid(), began(os.getpid()))) as (pid, theirs, over):
        assert (pid, theirs, over) == ("1", "None", "False")
