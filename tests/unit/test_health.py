"""What probes saw, and what it says of a service: no sockets here."""

import pytest

from portconf.errors import HealthError
from portconf.health import Health, Kind, Reach, Report, Seen, merged
from portconf.model import Protocol, Service


REFUSED = Seen(reach=Reach.CLOSED, text="connection refused")
NO_ADDRESS = Seen(reach=Reach.NOWHERE, text="no such address")
BUSY = Seen(reach=Reach.WRONG, text="HTTP 503 from /healthz")
LATE = Seen(reach=Reach.SILENT, text="no answer")
FINE = Seen(reach=Reach.HEALTHY, text="accepts connections")


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({}, Kind.TCP),
        ({"protocol": Protocol.UDP}, Kind.UDP),
        ({"health": "/healthz"}, Kind.HTTP),
        ({"health": ("true",)}, Kind.COMMAND),
        ({"health": ("true",), "protocol": Protocol.UDP}, Kind.COMMAND),
        ({"scheme": "https"}, Kind.TCP),
    ],
)
def test_the_declaration_says_how_a_service_is_asked(keys, kind):
    assert Kind.of(Service(name="web", **keys)) is kind


@pytest.mark.parametrize(
    ("four", "six", "text"),
    [
        (REFUSED, REFUSED, "connection refused on 127.0.0.1 and ::1"),
        (REFUSED, NO_ADDRESS, "connection refused on 127.0.0.1"),
        (REFUSED, BUSY, "HTTP 503 from /healthz on ::1"),
        (LATE, REFUSED, "no answer on 127.0.0.1"),
        (BUSY, FINE, "accepts connections on ::1"),
        (LATE, BUSY, "HTTP 503 from /healthz on ::1"),
    ],
)
def test_of_two_addresses_the_one_that_tells_most_is_told(four, six, text):
    assert merged({"127.0.0.1": four, "::1": six}).text == text


def test_two_answers_of_one_kind_are_both_told():
    other = Seen(reach=Reach.WRONG, text="HTTP 404 from /healthz")

    seen = merged({"127.0.0.1": BUSY, "::1": other})

    assert seen.text == (
        "HTTP 503 from /healthz on 127.0.0.1; HTTP 404 from /healthz on ::1"
    )


def test_what_has_no_address_is_told_without():
    assert merged({"": BUSY}).text == "HTTP 503 from /healthz"


def report(*answers: str) -> Report:
    services = tuple(
        Health(
            service=f"s{number}",
            port=4000 + number,
            probe=Kind.TCP,
            healthy=each == "yes",
            seen="accepts connections" if each == "yes" else "",
            seconds=1.23456 if each == "yes" else None,
        )
        for number, each in enumerate(answers)
    )
    return Report(root="/shop", services=services, seconds=2.00049)


@pytest.mark.parametrize(
    ("answers", "waited", "lines"),
    [
        (
            ["yes", "no"],
            None,
            [
                "1 of 2 services is not healthy",
                "'s1' on port 4001: nothing seen yet",
            ],
        ),
        (
            ["no"],
            2.5,
            [
                "gave up after 2.5 s: 1 of 1 service is not healthy",
                "'s0' on port 4000: nothing seen yet",
            ],
        ),
        (
            ["no", "yes", "no"],
            30.0,
            [
                "gave up after 30 s: 2 of 3 services are not healthy",
                "'s0' on port 4000: nothing seen yet",
                "'s2' on port 4002: nothing seen yet",
            ],
        ),
    ],
)
def test_the_error_names_each_service_that_is_not_healthy(answers, waited, lines):
    error = report(*answers).refusal(waited=waited)

    assert error.message.splitlines() == lines
    assert [each["service"] for each in error.services] == [
        f"s{n}" for n in range(len(answers))
    ]
    assert ("--timeout" in (error.hint or "")) is (waited is not None)


def test_the_error_has_its_exit_code_and_its_parts():
    error = report("no").refusal(brief=True)

    assert isinstance(error, HealthError)
    assert (error.exit_code, error.code) == (6, "health")
    assert error.message == "1 of 1 service is not healthy"
    assert [each["service"] for each in error.details()["services"]] == ["s0"]


def test_a_report_is_a_document():
    assert report("yes", "no").to_dict() == {
        "root": "/shop",
        "seconds": 2.0,
        "services": [
            {
                "service": "s0",
                "port": 4000,
                "probe": "tcp",
                "healthy": True,
                "seen": "accepts connections",
                "seconds": 1.235,
            },
            {
                "service": "s1",
                "port": 4001,
                "probe": "tcp",
                "healthy": False,
                "seen": None,
                "seconds": None,
            },
        ],
        "notes": [],
    }


def test_where_nothing_is_asked_all_is_healthy():
    assert report().healthy
    assert not report("yes", "no").healthy
