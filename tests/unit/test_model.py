from typing import Any

import pytest

from portconf.errors import ConfigError
from portconf.model import Assignment, Plan, PortRange, Protocol, Service
from portconf.names import name_problem, variable_of, variable_problem


@pytest.mark.parametrize(
    "name", ["a", "0", "web", "http-server", "a.b_c-d", "pg16", "x" * 63]
)
def test_a_name_of_lower_case_letters_and_digits_with_joints_is_good(name):
    assert name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Web",
        "-web",
        "web-",
        "we--b",
        "a b",
        "web\n",
        "a/b",
        "../x",
        "$(id)",
        "`id`",
        "wéb",
        "web\u200b",
        "x" * 64,
        "w\u0435b",  # a Cyrillic letter that looks like a Latin one
        "\u0661",  # a digit, but not an ASCII one
        "a\0b",
        7,
        None,
    ],
)
def test_any_other_name_is_refused_with_the_rule(name):
    problem = name_problem(name)

    assert problem is not None
    assert problem.startswith("name must be lower-case letters and digits")
    assert "at most 63 characters, got " in problem
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("web", "WEB_PORT"),
        ("http-server", "HTTP_SERVER_PORT"),
        ("a.b_c-d", "A_B_C_D_PORT"),
    ],
)
def test_a_variable_is_the_name_in_upper_case_with_underscores(name, variable):
    assert variable_of(name) == variable
    assert Service(name=name).variable == variable


def test_a_declared_variable_replaces_the_default():
    assert Service(name="postgres", env="PGPORT").variable == "PGPORT"


@pytest.mark.parametrize(
    "variable",
    ["BASE_PORT", "NEXT_PORT", "COMPOSE_PROJECT_NAME", "PORTCONF_X", "PORTCONF_PORT"],
)
def test_a_variable_that_portconf_sets_itself_is_refused(variable):
    assert variable_problem(variable) == (
        f"variable {variable!r} is one that portconf sets itself"
    )


@pytest.mark.parametrize("variable", ["UID", "PPID", "RANDOM", "_"])
def test_a_variable_that_shells_set_themselves_is_refused(variable):
    assert variable_problem(variable) == (
        f"variable {variable!r} is one that shells set themselves"
    )


@pytest.mark.parametrize("variable", ["", "web", "2FA_PORT", "A-B", "A B", "A\n", "Ä"])
def test_a_variable_that_no_shell_takes_is_refused(variable):
    problem = variable_problem(variable)

    assert problem is not None
    assert "upper-case letters, digits and '_'" in problem


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Web", "service name must be lower-case"),
        ("base", "service variable 'BASE_PORT' is one that portconf sets"),
        ("next", "service variable 'NEXT_PORT' is one that portconf sets"),
        ("portconf", "service variable 'PORTCONF_PORT' is one that portconf sets"),
        ("2fa", "service variable '2FA_PORT' must be upper-case"),
    ],
)
def test_no_service_exists_with_a_bad_name_or_variable(name, message):
    with pytest.raises(ConfigError, match=message):
        Service(name=name)


@pytest.mark.parametrize("purpose", [None, 3, ["x"], "\ud800"])
def test_no_service_exists_with_a_purpose_that_no_file_can_hold(purpose: Any):
    with pytest.raises(ConfigError, match="purpose"):
        Service(name="web", purpose=purpose)


def test_a_service_has_the_defaults_of_the_declaration():
    service = Service(name="web")

    assert service.purpose == ""
    assert service.protocol is Protocol.TCP
    assert not service.shared
    assert (service.port, service.container_port) == (None, None)
    assert (service.scheme, service.health) == (None, None)


@pytest.mark.parametrize(
    ("text", "first", "last"), [("1-65535", 1, 65535), ("20000-20000", 20000, 20000)]
)
def test_a_range_reads_what_it_writes(text, first, last):
    found = PortRange.parse(text)

    assert found == PortRange(first=first, last=last)
    assert str(found) == text
    assert len(found) == last - first + 1


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "0-5", "5-4", "1-65536", "1 - 2", "1-2-3", "-1-2", "a-b", "1-2\n"),
        *("1-999999", "\u0664-\u0665", "0x1-0x2", "+1-2"),
    ],
)
def test_a_text_that_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match="not a range of ports"):
        PortRange.parse(text)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("1-9", False),
        ("1-10", True),
        ("15-16", True),
        ("20-30", True),
        ("21-30", False),
    ],
)
def test_ranges_overlap_where_they_share_a_port(other, expected):
    one, two = PortRange.parse("10-20"), PortRange.parse(other)

    assert one.overlaps(two) is expected
    assert two.overlaps(one) is expected


def test_a_plan_holds_its_services_in_port_order_then_by_name():
    services = {
        "c": Assignment(port=4002),
        "b": Assignment(port=4000),
        "a": Assignment(port=4002),
    }

    plan = Plan(base_port=4000, next_port=4003, services=services)

    assert list(plan.services) == ["b", "a", "c"]
    assert plan.duplicates() == {4002: ("a", "c")}
    assert list(services) == ["c", "b", "a"]
