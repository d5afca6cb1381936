"""Many questions at once: probes that do as they are told, on real threads."""

import threading
from collections.abc import Callable

import pytest

from portconf.asking import Asked, Board
from portconf.health import Reach, Report, Seen
from portconf.model import Protocol, Service
from portconf.ownership import Listener
from portconf.probes.protocol import Probe


FINE = Seen(reach=Reach.HEALTHY, text="fine")
BUSY = Seen(reach=Reach.WRONG, text="busy")
SHUT = Seen(reach=Reach.CLOSED, text="shut")


class Script:
    """A probe that answers from a list, the last answer for ever."""

    def __init__(self, *answers: Seen, address: str = "") -> None:
        self.address = address
        self.asked = 0
        self._answers = list(answers)

    def ask(self, *, timeout: float) -> Seen:
        assert timeout > 0
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def cut(self) -> None:
        """Nothing is under way."""


class Stuck:
    """A probe that answers nothing until it is cut, but at first and at last."""

    address = ""

    def __init__(self, *first: Seen, last: Seen | None = None, deaf: int = 0) -> None:
        self.cuts = -deaf
        self._first, self._last = list(first), last
        self._cut = threading.Event()

    def ask(self, *, timeout: float) -> Seen:
        if self._first:
            return self._first.pop(0)
        if self._last and self.cuts:
            return self._last
        assert self._cut.wait(10), f"not cut, with {timeout:.0f} s left"
        self._cut.clear()
        return Seen(reach=Reach.SILENT, text="silent")

    def cut(self) -> None:
        self.cuts += 1
        if self.cuts > 0:
            self._cut.set()


class Broken:
    """A probe with a bug."""

    address = ""

    def ask(self, *, timeout: float) -> Seen:
        raise LookupError(f"a bug, with {timeout:.0f} s left")

    def cut(self) -> None:
        """Nothing is under way."""


class Births:
    """A watch that sees a new listener at each look where ``when`` says so."""

    turn = 0.005

    def __init__(self, port: int, when: Callable[[], bool]) -> None:
        self.judged = 0
        self._when = when
        self._listener = Listener(port=port, protocol=Protocol.TCP, address="::")

    def news(self) -> frozenset[Listener]:
        return frozenset([self._listener] if self._when() else [])

    def judge(self) -> None:
        self.judged += 1


def board(*probes: Probe, timeout: float = 30.0, again: bool = True) -> Board:
    asked = [
        Asked(service=Service(name=f"s{number}"), port=4000 + number, probes=(each,))
        for number, each in enumerate(probes)
    ]
    return Board(asked, root="/shop", timeout=timeout, again=again)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("portconf")]


def test_it_ends_when_all_are_healthy():
    first, second = Script(SHUT, BUSY, FINE), Script(FINE)
    asking = board(first, second)

    asking.run(None)

    report = asking.report()
    assert report.healthy
    assert (first.asked, second.asked) == (3, 1)
    assert report.seconds < 10
    assert threads() == []


def test_one_look_asks_each_once():
    first, second = Script(BUSY), Script(FINE)
    asking = board(first, second, again=False)

    asking.run(None)

    assert [each.healthy for each in asking.report().services] == [False, True]
    assert (first.asked, second.asked) == (1, 1)


def test_one_of_two_addresses_is_enough():
    four, six = Script(SHUT, address="127.0.0.1"), Script(FINE, address="::1")
    asked = Asked(service=Service(name="web"), port=4000, probes=(four, six))
    asking = Board([asked], root="/shop", timeout=30, again=True)

    asking.run(None)

    assert [each.seen for each in asking.report().services] == ["fine on ::1"]


def test_a_question_without_an_answer_ends_with_the_time():
    probe = Stuck()
    asking = board(probe, Script(FINE), timeout=0.1)

    asking.run(None)

    (stuck, _) = asking.report().services
    assert (stuck.healthy, stuck.seen) == (False, "silent")
    assert probe.cuts
    assert threads() == []


def test_a_question_that_begins_after_the_last_cut_is_cut_too():
    # The first two cuts find nothing under way.
    asking = board(Stuck(deaf=2), timeout=0.1)

    asking.run(None)

    assert threads() == []


def test_a_question_that_the_end_cut_short_hides_no_answer():
    asking = board(Stuck(BUSY), timeout=0.2)

    asking.run(None)

    assert [each.seen for each in asking.report().services] == ["busy"]


def test_a_question_that_takes_too_long_is_cut_and_asked_anew():
    probe = Stuck(last=FINE)
    asking = board(probe, timeout=30)
    asking.limit = 0.05

    asking.run(None)

    assert asking.report().healthy
    assert asking.report().seconds < 10


def test_a_bug_in_a_probe_is_raised_where_somebody_waits():
    asking = board(Broken(), Stuck())

    with pytest.raises(LookupError, match="a bug"):
        asking.run(None)

    assert threads() == []


def test_a_new_listener_is_asked_at_once():
    # Without, the last thirty questions are a quarter of a second apart.
    probe = Script(*[BUSY] * 40, FINE)
    asking = board(probe, timeout=60)

    asking.run(Births(4000, lambda: True))

    assert asking.report().healthy
    assert asking.report().seconds < 5


def test_a_new_listener_on_another_port_hurries_nobody():
    probe = Script(*[BUSY] * 8, FINE)
    asking = board(probe, timeout=60)

    asking.run(Births(9999, lambda: True))

    assert asking.report().seconds > 0.5


def test_who_made_it_healthy_is_judged_before_the_end():
    asking = board(Script(FINE))
    watch = Births(4000, lambda: asking.healthy("s0"))

    asking.run(watch)

    assert watch.judged


def test_an_interrupt_leaves_no_thread():
    def interrupt(_: Report) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        board(Stuck(), Script(SHUT)).run(None, interrupt)

    assert threads() == []


def test_a_note_is_kept_once():
    asking = board()
    asking.note(["one", "two"])
    asking.note(["two"])

    assert asking.report().notes == ("one", "two")
