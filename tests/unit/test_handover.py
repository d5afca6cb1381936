"""What tells a program of sockets that it gets, and the numbers in its command."""

import pytest

from portconf import handover
from portconf.errors import UsageError


PORTS = {"web": 4000, "api": 4001}
MEANT = {"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:api"}


def test_each_service_is_found_by_its_name():
    told = handover.variables(["web", "api"], pid=7)

    assert told == MEANT
    assert handover.descriptor(told, "web", pid=7) == 3
    assert handover.descriptor(told, "api", pid=7) == 4


@pytest.mark.parametrize(
    "told",
    [
        {},
        MEANT | {"LISTEN_PID": "8"},
        MEANT | {"LISTEN_FDS": "1"},
        MEANT | {"LISTEN_FDS": "many"},
        MEANT | {"LISTEN_FDS": "0"},
        MEANT | {"LISTEN_FDNAMES": "other:names"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "2"},
    ],
)
def test_what_was_not_handed_over_is_not_found(told):
    assert handover.descriptor(told, "api", pid=7) is None


def test_variables_for_another_process_are_left_over():
    told = MEANT | {"LISTEN_PIDFDID": "9", "LISTEN_ADDRESS": "mine", "PATH": "/bin"}

    found = handover.left_over(told, 8)

    assert set(found) == {*MEANT, "LISTEN_PIDFDID"}


def test_variables_for_this_process_stay():
    assert handover.left_over(MEANT, 7) == ()


def test_numbers_are_filled_in_wherever_they_stand():
    words = ["x", "--fd={fd:api}", "{fd:web}", "fd://{fd:web},127.0.0.1:{port:web}"]

    found = handover.filled(words, PORTS, ["web", "api"])

    assert found == ["x", "--fd=4", "3", "fd://3,127.0.0.1:4000"]


@pytest.mark.parametrize(
    "word",
    ["{}", "{port}", "{{x}}", "${PORT}", "{ports:web}", "listen({fd: 3})", "{port:80}"],
)
def test_other_braces_are_the_commands_own(word):
    assert handover.filled([word], PORTS, []) == [word]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("{port:wbe}", "{port:wbe} names no service; did you mean 'web'?"),
        ("{fd:}", "{fd:} names no service"),
        ("{fd:api}", "{fd:api} names a service whose socket is not handed over"),
    ],
)
def test_braces_that_mean_nothing_are_refused(word, message):
    with pytest.raises(UsageError) as caught:
        handover.filled(["x", word], PORTS, ["web"])

    assert caught.value.message == message
