import inspect
import re

import pytest

from portconf import errors
from portconf.errors import (
    AssignmentError,
    ConfigError,
    FileConflictError,
    HealthError,
    PortconfError,
    PortConflictError,
    PortInUseError,
    RangeExhaustedError,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    UsageError,
)


ALL = {
    name: each
    for name, each in vars(errors).items()
    if inspect.isclass(each) and issubclass(each, PortconfError)
}


def test_the_tree_in_the_documentation_is_the_tree():
    drawn = re.findall(r"^[│├└─ ]*(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)

    assert drawn == list(ALL)


@pytest.mark.parametrize(
    ("error", "exit_code", "parent"),
    [
        (PortconfError, 1, Exception),
        (UsageError, 2, PortconfError),
        (ConfigError, 2, PortconfError),
        (AssignmentError, 3, PortconfError),
        (PortConflictError, 3, AssignmentError),
        (RangeExhaustedError, 3, AssignmentError),
        (StoreError, 4, PortconfError),
        (StoreLockedError, 4, StoreError),
        (StoreFormatError, 4, StoreError),
        (FileConflictError, 4, StoreError),
        (HealthError, 6, PortconfError),
        (PortInUseError, 7, PortconfError),
    ],
)
def test_an_error_has_its_exit_code_and_its_place(error, exit_code, parent):
    assert error.exit_code == exit_code
    assert error.__base__ is parent


def test_every_error_has_a_code_of_its_own():
    assert len({each.code for each in ALL.values()}) == len(ALL)


@pytest.mark.parametrize(
    ("error", "message", "details"),
    [
        (UsageError("a verb is missing", hint="try"), "a verb is missing", {}),
        (ConfigError("one", "two"), "one\ntwo", {"problems": ["one", "two"]}),
        (
            PortConflictError("both", port=80, services=["a", "b"], hint="h"),
            "both",
            {"port": 80, "services": ["a", "b"]},
        ),
        (
            RangeExhaustedError("db", first=4000, last=4001, assigned=2),
            (
                "no free port for 'db' in 4000-4001: 2 assigned,"
                " the others are released, fixed or never handed out"
            ),
            {"service": "db", "first": 4000, "last": 4001},
        ),
        (StoreError("is bad", path="x.json"), "is bad", {"path": "x.json"}),
        (
            StoreLockedError("x.json", timeout=10.0),
            "x.json is locked by another portconf command, gave up after 10 s",
            {"path": "x.json"},
        ),
    ],
)
def test_an_error_tells_its_message_and_its_parts(error, message, details):
    assert error.message == str(error) == message
    assert error.details() == details


def test_the_remedy_is_apart_from_the_message():
    assert UsageError("m", hint="do this").hint == "do this"
    assert UsageError("m").hint is None
    assert "portconf reset" in (
        RangeExhaustedError("a", first=1, last=2, assigned=0).hint or ""
    )
    assert "--lock-timeout" in (StoreLockedError("x", timeout=0.5).hint or "")
