"""A project on disk, compared with a model of plain dicts after every step."""

import json
import os
import tempfile
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from portconf import PortManager, Project
from portconf.errors import (
    AssignmentError,
    PortconfError,
    PortConflictError,
    RangeExhaustedError,
    StoreFormatError,
)


NAMES = ["web", "db", "mq", "http-server", "a.b", "x"]
BASE, OTHER = 4041, 5055
BLOCKED = {4045, 5060, 5061}
FIXED = [443, 4042, 4043, 4044, 4047]  # where the sequence comes by, but for one
SPAN = 7  # few enough that the range ends
ANY = st.booleans()
# Every step ends with an fsync, which a busy disk makes wait.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - one of ours

Declared = dict[str, int | None]


class Model:
    """What the rules of `portconf.plan` say, with every number ever given in a set."""

    def __init__(self) -> None:
        self.declared: Declared = {}
        self.base = self.began = self.next = BASE
        self.ports: dict[str, int] = {}
        self.given: set[int] = set()

    def set_base(self, base: int) -> None:
        self.base = base
        if (
            not self.ports
            and self.next == self.began
            and max(self.given, default=0) < self.next
        ):
            self.reset()  # nothing to keep: another base port counts at once

    def reset(self) -> None:
        self.began = self.next = self.base
        self.ports, self.given = {}, set()

    def released(self) -> tuple[int, ...]:
        """Return what the sequence would hand out again if nobody remembered."""
        known = self.given - {*self.ports.values()}
        return tuple(sorted(port for port in known if port > self.next))

    def assign(self, wanted: Declared) -> type[PortconfError] | None:
        """Give each its number, or change nothing and return the error."""
        ports = {
            name: port
            for name, port in self.ports.items()
            if wanted.get(name) in (None, port)
        }
        for name, port in wanted.items():
            if port and port in {p for who, p in ports.items() if who != name}:
                return PortConflictError
            if port:
                ports[name] = port
        taken = self.given | {p for p in self.declared.values() if p} | BLOCKED
        following = self.next
        for name in wanted:
            if name not in ports:
                following = _free(following, taken)
                if following > self.base + SPAN:
                    return RangeExhaustedError
                ports[name] = following
                taken = taken | {following}
        self.ports, self.next = ports, _free(following, taken)
        self.given |= {*ports.values()}
        return None

    def merge(self, first: str, second: str) -> None:
        """Do what `init` does if ``second`` came from a branch with the same port."""
        port = self.ports[first]
        order = [*self.declared, *sorted({first, second} - {*self.declared})]
        ranked = sorted(
            (first, second),
            key=lambda name: (self.declared.get(name) != port, order.index(name)),
        )
        self.ports = {k: v for k, v in self.ports.items() if k not in (first, second)}
        self.ports[ranked[0]] = port


def _free(port: int, taken: set[int]) -> int:
    while port in taken:
        port += 1
    return port


DECLARATIONS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.none() | st.none() | st.sampled_from(FIXED)),
    max_size=5,
    unique_by=(lambda pair: pair[0], lambda pair: pair[1] or pair[0]),
).map(dict)


class ProjectMachine(RuleBasedStateMachine):
    """Every step is made by a fresh manager; one old manager only reads."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.root = os.path.realpath(self.folder.name)
        self.model = Model()
        self.environment = pytest.MonkeyPatch()
        # Without git, which `init` would start three times to ask what it ignores.
        self.environment.setenv("PATH", "")

    def teardown(self) -> None:
        self.environment.undo()
        self.folder.cleanup()

    @property
    def project(self) -> Project:
        return Project.find(self.root)

    @property
    def manager(self) -> PortManager:
        return PortManager(root=self.root)

    @property
    def file(self) -> str:
        return os.path.join(self.root, "config", "port_assignments.json")

    def attempt(self, expected: type[PortconfError] | None, act: Any) -> None:
        """Do something that the model allows, or refuses with an error."""
        if expected is None:
            act()
            return
        with pytest.raises(expected):
            act()

    def write(self) -> None:
        services = "".join(
            f'"{name}" = {{ {f"port = {port}" if port else ""} }}\n'
            for name, port in self.model.declared.items()
        )
        text = (
            f"[tool.portconf]\nbase-port = {self.model.base}\n"
            f"last-port = {self.model.base + SPAN}\n"
            # The generated files have tests of their own.
            "dotenv = false\ncompose-env = false\nshell-exports = false\n"
            f"[tool.portconf.services]\n{services}"
        )
        path = os.path.join(self.root, "pyproject.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    @initialize(declared=DECLARATIONS)
    def begin(self, declared: Declared) -> None:
        self.model.declared = declared
        self.write()
        self.reader = self.manager

    @rule(
        name=st.sampled_from(NAMES), port=st.none() | st.sampled_from(FIXED), first=ANY
    )
    def declare(self, name: str, port: int | None, *, first: bool) -> None:
        others = {k: v for k, v in self.model.declared.items() if k != name}
        entry = {name: None if port in others.values() else port}
        self.model.declared = {**entry, **others} if first else {**others, **entry}
        self.write()

    @rule(name=st.sampled_from(NAMES))
    def undeclare(self, name: str) -> None:
        self.model.declared.pop(name, None)
        self.write()

    @rule()
    def init(self) -> None:
        self.attempt(self.model.assign(self.model.declared), self.project.init)

    @rule(name=st.sampled_from(NAMES))
    def assign(self, name: str) -> None:
        known = name in self.model.ports
        wanted = {} if known else {name: self.model.declared.get(name)}
        expected = self.model.assign(wanted) if wanted else None

        self.attempt(expected, lambda: self.manager.assign_port(name))

    @precondition(lambda self: bool(self.model.ports))
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.ports)))
        del self.model.ports[name]

        assert self.manager.release_port(name)
        assert not self.manager.release_port(name)

    @rule(name=st.sampled_from(NAMES))
    def add(self, name: str) -> None:
        if name not in self.model.declared:
            wanted = {**self.model.declared, name: None}
            expected = self.model.assign(wanted)
            if expected is None:
                self.model.declared = wanted

            self.attempt(expected, lambda: self.project.add(name, {}))

    @rule(name=st.sampled_from([*NAMES, "nope"]))
    def release(self, name: str) -> None:
        before = dict(self.model.ports), self.model.declared
        expected: type[PortconfError] | None = AssignmentError
        if name in self.model.declared or name in self.model.ports:
            self.model.ports.pop(name, None)
            self.model.declared = {
                who: port for who, port in self.model.declared.items() if who != name
            }
            expected = self.model.assign(self.model.declared)
        if expected:
            self.model.ports, self.model.declared = before

        self.attempt(expected, lambda: self.project.release(name))

    @rule(base=st.sampled_from([BASE, BASE, OTHER]), thorough=ANY, first=ANY)
    def reset(self, base: int, *, thorough: bool, first: bool) -> None:
        """Declare a base port, which counts once nothing is assigned."""
        self.model.set_base(base)
        self.write()
        if first:
            return
        self.model.reset()

        if thorough:
            self.project.reset()
        else:
            self.manager.reset_assignments()

    @precondition(lambda self: 0 < len(self.model.ports) < len(NAMES))
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        """A git merge leaves two services on one port; only `init` mends it."""
        first = data.draw(st.sampled_from(sorted(self.model.ports)))
        second = data.draw(st.sampled_from(sorted({*NAMES} - {*self.model.ports})))
        with open(self.file, encoding="utf-8") as file:
            document = json.load(file)
        document["services"][second] = document["services"][first]
        whole = json.dumps(document)
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(whole)
        with pytest.raises(StoreFormatError):
            self.manager.assign_port(first)
        assert self.project.check()
        before = dict(self.model.ports)
        self.model.merge(first, second)
        losers = dict.fromkeys({first, second} - {*self.model.ports})
        wanted = {
            **self.model.declared,
            **{x: None for x in losers if x not in self.model.declared},
        }
        expected = self.model.assign(wanted)

        self.attempt(expected, self.project.init)

        if expected:  # nothing was written: the other branch is dropped
            self.model.ports = before
            del document["services"][second]
            with open(self.file, "w", encoding="utf-8") as file:
                json.dump(document, file)

    @invariant()
    def the_file_says_what_the_model_says(self) -> None:
        plan = self.project.plan()

        found = {name: each.port for name, each in plan.services.items()}
        assert found == self.model.ports
        assert len({*found.values()}) == len(found)
        assert list(found.values()) == sorted(found.values())
        assert (plan.base_port, plan.next_port) == (self.model.began, self.model.next)
        assert plan.released == self.model.released()

    @invariant()
    def a_manager_from_the_beginning_sees_it_too(self) -> None:
        for name in NAMES:
            assert self.reader.get_port(name) == self.model.ports.get(name)

    @invariant()
    def initialising_twice_changes_nothing(self) -> None:
        if self.model.declared.keys() <= self.model.ports.keys():
            outcome = self.project.export(dry_run=True)
            assert outcome.changes == ()


TestProject = ProjectMachine.TestCase
TestProject.settings = settings(max_examples=60, stateful_step_count=30)


@pytest.fixture(autouse=True)
def _no_leases(monkeypatch) -> None:
    """A lease shifts what the model has; its own rules are tested in test_lease.py."""
    monkeypatch.setenv("PORTCONF_REGISTRY", "off")
