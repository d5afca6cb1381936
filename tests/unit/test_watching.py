"""The loop of `watch`, with a machine and a checkout that are made up."""

import gc
import random
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

import pytest

from portconf.alerts import Alerts
from portconf.errors import (
    ConfigError,
    LeaseConflictError,
    StoreError,
)
from portconf.model import Endpoint, Protocol
from portconf.ownership import Listener, Sighting, Verdict
from portconf.settings import Settings
from portconf.views import Site
from portconf.watching.events import Notice
from portconf.watching.looks import Looks
from portconf.watching.loop import Watch
from portconf.watching.notices import Way
from portconf.watching.renewal import Renewal, Renewed
from portconf.watching.waking import Moment


Fingerprint = tuple[int, int, int, int]

ROOT = "/home/you/shop"
DAY = 86_400


def endpoint(name: str, port: int) -> Endpoint:
    return Endpoint(name=name, variable="PORT", assigned=port, port=port, purpose="")


class Machine:
    """A machine whose clocks, files and sockets are what a test says."""

    def __init__(self) -> None:
        self.time, self.slept = 1000.0, 0.0
        self.files: dict[str, Fingerprint | None] = {}
        self.served: dict[int, Verdict] = {}
        self.looks = 0
        self.blind = False

    @property
    def moment(self) -> Moment:
        return Moment(self.time, int((1.7e9 + self.time + self.slept) * 1e9))

    def touch(self, path: str, *, seconds_ago: float = 60) -> None:
        # With a fraction of a second.
        at = self.moment.wall_ns - int(seconds_ago * 1e9) + 1
        self.files[path] = (1, at, at, 1)

    def listening(self, ports: Collection[int]) -> Iterable[Listener]:
        if self.blind:
            raise OSError(24, "Too many open files")
        tcp = Protocol.TCP
        return [
            Listener(port=p, protocol=tcp, address="127.0.0.1", inode=hash(verdict))
            for p, verdict in self.served.items()
            if p in ports
        ]

    def look(
        self,
        ports: Mapping[int, Protocol],
        root: str,  # noqa: ARG002 - as asked
    ) -> Mapping[int, Sighting]:
        self.looks += 1
        return {
            each.port: Sighting(
                port=each.port,
                verdict=self.served[each.port],
                text="pid 7",
                listener=each,
            )
            for each in self.listening(ports)
        }


class Checkout(Renewal):
    """A checkout whose passes find what a test says; it counts them."""

    def __init__(self, found: Renewed, machine: Machine) -> None:
        super().__init__(root=ROOT)
        self.found, self.machine, self.passes = found, machine, 0
        self.takes = 0.0
        self.wrong: Exception | None = None
        self.exists = True
        self.elsewhere: str | None = None

    def say(self, found: Renewed, wrong: Exception | None = None) -> None:
        self.found, self.wrong = found, wrong

    def renew(self, before: Renewed | None) -> Renewed:  # noqa: ARG002 - as asked
        self.passes += 1
        self.machine.time += self.takes
        if self.wrong:
            raise self.wrong
        return self.found

    def there(self) -> bool:
        return self.exists

    def moved(self, before: Renewed) -> str | None:  # noqa: ARG002 - as asked
        return self.elsewhere

    def why_gone(self, before: Renewed) -> str | None:  # noqa: ARG002 - as asked
        return None


def leased(text: str) -> LeaseConflictError:
    return LeaseConflictError(text, port=5432, service="db", holder="x", hint="")


class Watching:
    """A watch that is taken from turn to turn."""

    def __init__(
        self, ways: Callable[[], Iterable[Way]] = tuple, alerts: Alerts | None = None
    ) -> None:
        self.base = Renewed(
            settings=Settings(alerts=alerts),
            site=Site(
                project="shop",
                root=ROOT,
                branch="main",
                endpoints=(endpoint("web", 4000), endpoint("db", 4001)),
            ),
            files=("pyproject.toml", ".env"),
            ours=frozenset({".env"}),
        )
        self.machine = Machine()
        self.checkout = Checkout(self.base, self.machine)
        self.told: list[Notice] = []
        self.said: list[str] = []
        self.watch = Watch(
            self.checkout,
            tell=self.hear,
            say=self.said.append,
            looks=Looks(
                interval=2, listening=self.machine.listening, look=self.machine.look
            ),
            clock=lambda: self.machine.moment,
            fingerprint=self.machine.files.get,
            ways=lambda *_: ways(),
        )

    def hear(self, notice: Notice) -> None:
        self.told.append(notice)

    def begin(self) -> "Watching":
        self.machine.touch("pyproject.toml")
        self.machine.touch(".env")
        self.watch.begin()
        self.turns(4)
        self.told.clear()
        self.said.clear()
        return self

    def turns(self, count: int, *, seconds: float = 0.25) -> None:
        for _ in range(count):
            self.machine.time += seconds
            self.watch.turn()

    @property
    def lines(self) -> list[str]:
        return [each.event.line for each in self.told]


@pytest.fixture
def watching() -> Watching:
    return Watching().begin()


def test_as_long_as_nothing_changes_nothing_is_done(watching):
    passes, looks = watching.checkout.passes, watching.machine.looks

    watching.turns(1000)

    assert (watching.checkout.passes, watching.machine.looks) == (passes, looks)
    assert watching.told == watching.said == []


def test_a_changed_file_asks_for_one_pass(watching):
    passes = watching.checkout.passes

    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(10)

    assert watching.checkout.passes == passes + 1


def test_a_file_that_has_changed_just_now_is_looked_at_until_its_clock_has_ticked(
    watching,
):
    passes = watching.checkout.passes

    watching.machine.touch("pyproject.toml", seconds_ago=0)
    watching.turns(1, seconds=0.01)
    first = watching.checkout.passes
    watching.turns(10)

    assert first == passes + 1
    assert watching.checkout.passes == passes + 2


def test_a_file_from_the_future_does_not_keep_it_busy(watching):
    passes = watching.checkout.passes

    watching.machine.touch("pyproject.toml", seconds_ago=-DAY)
    watching.turns(1000)

    assert watching.checkout.passes < passes + 20


def test_what_a_pass_has_changed_is_told(watching):
    site = replace(watching.base.site, endpoints=(endpoint("web", 20100),))
    found = replace(watching.base, site=site, written=(".env",))

    watching.checkout.say(found)
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(1)

    assert watching.lines == [
        "changed: 'web' moved from port 4000 to 20100",
        "changed: 'db' has given port 4001 up",
        "written: .env",
    ]


def test_ports_that_are_another_checkouts_now_are_a_conflict(watching):
    site = replace(watching.base.site, endpoints=(endpoint("web", 20100),))
    taken = {4000: "'other' in /home/you/other"}

    watching.checkout.say(replace(watching.base, site=site, taken=taken))
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(1)

    assert watching.lines[0] == (
        "conflict: port 4000 of 'web' is leased to 'other' in /home/you/other now"
    )
    assert watching.told[0].event.service == "web"


def test_a_service_that_stops_and_comes_back_is_told(watching):
    watching.machine.served[4000] = Verdict.OURS
    watching.turns(10)
    del watching.machine.served[4000]
    watching.turns(12)
    watching.machine.served[4000] = Verdict.OURS
    watching.turns(12)

    assert watching.lines == [
        "up: 'web' listens on port 4000: pid 7",
        "down: 'web' does not listen on port 4000 any more",
        "recovered: 'web' listens on port 4000 again: pid 7",
    ]


def test_whose_a_listener_is_is_asked_twice_and_not_again(watching):
    looks = watching.machine.looks

    watching.machine.served[4000] = Verdict.OURS
    watching.turns(1000)

    assert watching.machine.looks == looks + 2


def test_a_broken_declaration_is_told_once_and_so_is_its_end(watching):
    wrong = ConfigError("pyproject.toml: is not TOML: x", hint="mend it")
    watching.checkout.say(watching.base, wrong)
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(1)
    first = list(watching.said)
    watching.turns(1000)
    watching.checkout.say(watching.base)
    watching.machine.touch("pyproject.toml", seconds_ago=40)
    watching.turns(1000)

    assert first == []  # an editor may be about to finish
    assert watching.said == [
        "pyproject.toml: is not TOML: x\nhint: mend it",
        f"{ROOT}: all is well again",
    ]
    assert watching.told == []


def test_what_fails_for_another_reason_than_a_file_is_tried_again(watching):
    watching.checkout.say(watching.base, StoreError("the lock is held", path="x"))
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(1)
    watching.checkout.say(watching.base)
    passes = watching.checkout.passes

    watching.turns(2)

    assert watching.checkout.passes == passes + 1
    assert watching.said == []


def test_what_waits_for_a_lock_in_vain_is_tried_now_and_then(watching):
    watching.checkout.say(watching.base, StoreError("the lock is held", path="x"))
    watching.checkout.takes = 1.0
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    passes, began = watching.checkout.passes, watching.machine.time

    watching.turns(1000)

    waited = watching.checkout.passes - passes
    assert 5 < waited < (watching.machine.time - began) / 15


def test_a_conflict_of_leases_is_told_and_so_is_its_end(watching):
    wrong = leased("port 5432 is leased to 'x'")
    watching.checkout.say(watching.base, wrong)
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(100)
    watching.checkout.say(watching.base)
    watching.turns(100)

    assert watching.lines == [
        "conflict: port 5432 is leased to 'x'",
        "recovered: no conflict any more: port 5432 is leased to 'x'",
    ]
    assert watching.told[1].event.was == "conflict"


def test_a_folder_that_is_gone_for_good_ends_it(watching):
    watching.checkout.exists = False
    watching.checkout.say(watching.base, ConfigError("pyproject.toml: cannot be read"))
    watching.machine.files.clear()

    watching.turns(300)

    assert watching.said == [
        f"{ROOT} is gone: its return is waited for, 60 s at the most",
        f"{ROOT} is gone for good: nothing is left to watch",
    ]
    assert watching.told == []


def test_a_folder_that_comes_back_is_watched_on(watching):
    watching.checkout.exists = False
    watching.checkout.say(watching.base, ConfigError("pyproject.toml: cannot be read"))
    watching.machine.files.clear()
    watching.turns(100)
    watching.checkout.exists = True
    watching.checkout.say(replace(watching.base, written=(".env",)))
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(100)

    assert watching.said[1:] == [f"{ROOT}: all is well again"]
    assert watching.lines == ["written: .env"]


def test_after_a_sleep_everything_is_looked_at_once(watching):
    watching.machine.served[4000] = Verdict.OURS
    watching.turns(20)
    passes, looks = watching.checkout.passes, watching.machine.looks

    watching.machine.slept += 3600
    watching.turns(20)

    assert watching.checkout.passes == passes + 1
    assert watching.machine.looks == looks + 1


def test_who_saves_a_new_declaration_each_second_quarrels_with_nobody(watching):
    for number in range(30):
        settings = Settings(base_port=5000 + number)
        found = replace(watching.base, settings=settings, written=(".env",))
        watching.checkout.say(found)
        watching.machine.touch("pyproject.toml", seconds_ago=50)
        watching.turns(1, seconds=1)

    assert watching.lines == ["written: .env"] * 30
    assert watching.said == []


def test_who_undoes_what_is_written_is_left_alone_for_a_minute(watching):
    found = replace(watching.base, written=(".env",), undone=frozenset({".env"}))
    watching.checkout.say(found)
    for _ in range(30):
        watching.machine.touch(".env", seconds_ago=50)
        watching.turns(1, seconds=1)
    first = len(watching.lines)
    watching.turns(60, seconds=1)

    assert first == 8
    assert len(watching.lines) == 9
    assert watching.said == [
        "somebody else writes .env again and again: it is left alone for 60 s"
    ]


def test_a_quarrel_about_one_file_keeps_no_other_from_being_written(watching):
    undone = replace(watching.base, undone=frozenset({".env"}))
    watching.checkout.say(undone)
    for _ in range(10):
        watching.machine.touch(".env", seconds_ago=50)
        watching.turns(1)
    passes = watching.checkout.passes

    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(1)

    assert watching.said != []
    assert watching.checkout.passes == passes + 1


def test_a_file_of_ours_that_is_gone_waits_for_the_next_change(watching):
    passes = watching.checkout.passes

    watching.machine.files[".env"] = None
    watching.turns(1000)
    first = watching.checkout.passes
    watching.machine.touch("pyproject.toml", seconds_ago=50)
    watching.turns(1)

    assert first == passes
    assert watching.checkout.passes == passes + 1


def test_a_file_that_is_gone_just_after_a_change_is_not_written_either(watching):
    watching.machine.touch("pyproject.toml", seconds_ago=0)
    watching.turns(1, seconds=0.01)
    passes = watching.checkout.passes

    watching.machine.files[".env"] = None
    watching.turns(100)

    assert watching.checkout.passes == passes


def test_a_declaration_that_is_gone_asks_for_a_pass(watching):
    passes = watching.checkout.passes

    watching.machine.files["pyproject.toml"] = None
    watching.turns(10)

    assert watching.checkout.passes == passes + 1


def test_one_conflict_after_another_is_over(watching):
    for number in (1, 2):
        watching.checkout.say(watching.base, leased(f"port {number} is leased"))
        watching.turns(100)
        watching.machine.touch("pyproject.toml", seconds_ago=50 - number)
        watching.turns(100)

    assert watching.lines == [
        "conflict: port 1 is leased",
        "recovered: no conflict any more: port 1 is leased",
        "conflict: port 2 is leased",
    ]


def test_a_checkout_that_git_has_moved_ends_it_and_that_says_where(watching):
    watching.checkout.exists, watching.checkout.elsewhere = False, "/home/you/there"
    watching.checkout.say(watching.base, ConfigError("pyproject.toml: cannot be read"))
    watching.machine.files.clear()

    watching.turns(1)

    assert watching.said == [
        f"{ROOT} has moved to /home/you/there: start the watch there"
    ]


def test_that_it_cannot_be_seen_who_listens_is_told_once_and_survived(watching):
    watching.machine.blind = True
    watching.turns(100)
    said = list(watching.said)
    watching.machine.blind = False
    watching.machine.served[4000] = Verdict.OURS
    watching.turns(20)

    assert said == ["warning: who listens cannot be seen: Too many open files"]
    assert watching.lines == ["up: 'web' listens on port 4000: pid 7"]


def test_who_passes_for_somebody_else_is_looked_at_again(watching):
    watching.machine.served[4000] = Verdict.FOREIGN
    watching.turns(20)
    # The same socket, of which more is known.
    listeners = list(watching.machine.listening([4000]))
    watching.machine.served[4000] = Verdict.OURS
    watching.watch._looks._listening = lambda _: listeners
    watching.turns(200)

    assert [each.split(":")[0] for each in watching.lines] == [
        "foreign",
        "recovered",
        "up",
    ]


def test_alerts_that_are_declared_anew_are_told_and_not_used(watching):
    for number in (1, 2):
        alerts = Alerts(command=("touch", f"pwned-{number}"))
        settings = Settings(alerts=alerts)
        watching.checkout.say(replace(watching.base, settings=settings))
        for seconds in (50, 40):
            watching.machine.touch("pyproject.toml", seconds_ago=seconds - number)
            watching.turns(100)

    assert (
        watching.said
        == ["warning: the alerts are declared anew: start the watch again to use them"]
        * 2
    )
    assert watching.watch._alarm._bells == ()


class Quiet:
    """A way of alerts that takes whatever comes."""

    name = "quiet"

    def __init__(self) -> None:
        self.given = 0

    def give(
        self,
        notice: Notice,  # noqa: ARG002 - as asked
        *,
        timeout: float,  # noqa: ARG002 - as asked
    ) -> str | None:
        self.given += 1
        return None

    def cut(self) -> None:
        pass


class Day:
    """Services come and go, files change, passes fail: each time with new words."""

    def __init__(self) -> None:
        self.quiet, self.told, self.said = Quiet(), 0, 0
        alerts = Alerts(command=("true",))
        self.watching = Watching(ways=lambda: (self.quiet,), alerts=alerts).begin()
        self._chance = random.Random(5)  # noqa: S311 - no secret

    def hour(self, number: int) -> None:
        for turn in range(900):
            if turn % 3 == 0:
                self._toggle()
            if turn % 10 == 0:
                self._change(number * 90 + turn // 10)
            self.watching.turns(1, seconds=4)
            self.told += len(self.watching.told)
            self.said += len(self.watching.said)
            self.watching.told.clear()
            self.watching.said.clear()
        if number % 6 == 0:
            self.watching.machine.slept += 600

    def _toggle(self) -> None:
        served, port = self.watching.machine.served, self._chance.choice([4000, 4001])
        if served.pop(port, None) is None:
            served[port] = self._chance.choice([Verdict.OURS, Verdict.FOREIGN])

    def _change(self, nth: int) -> None:
        self.watching.machine.touch("pyproject.toml", seconds_ago=50)
        ends = (endpoint("web", 4000), endpoint(f"service-{nth}", 4001))
        base = self.watching.base
        found = replace(
            base,
            site=replace(base.site, endpoints=ends, branch=f"b-{nth}"),
            notes=(f"note {nth}",),
            written=(f"{nth}.env",) if nth % 8 == 0 else (),
            undone=frozenset({f"{nth // 100}.env"}),
        )
        wrongs = (None, None, ConfigError(f"pyproject.toml: {nth}"), leased(f"{nth}"))
        self.watching.checkout.say(found, wrongs[nth % 4])


def test_a_day_of_events_leaves_nothing_behind():
    day = Day()
    blocks = []

    try:
        for number in range(24):
            day.hour(number)
            gc.collect()
            blocks.append(sys.getallocatedblocks())
    finally:
        day.watching.watch.end()

    assert day.told > 5000
    assert day.said > 500
    assert day.quiet.given > 500
    # Memory blocks of Python, of which one event alone is a dozen.
    assert blocks[-1] - blocks[1] < 1000
