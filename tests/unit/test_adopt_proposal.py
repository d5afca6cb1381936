"""Which services are made of what a project's files say."""

from itertools import count
from typing import Any

import pytest

from portconf import declaration
from portconf.adopt import hosts
from portconf.adopt.proposal import propose
from portconf.adopt.values import Found, Mention, Proposal
from portconf.compose.values import Spot
from portconf.settings import Settings


NOTHING = Settings()
_LINES = count(1)


def published(owner: str, number: int | None, target: int, **more: Any) -> Mention:
    """Return an entry of a Compose file, each on a line of its own."""
    line = next(_LINES)
    spot = Spot(file="compose.yaml", line=line, start=line * 100, end=line * 100 + 4)
    given = {"spot": spot, **more}
    return Mention(
        file="compose.yaml",
        line=line,
        owner=owner,
        number=number,
        target=target,
        published=True,
        **given,
    )


def variable(name: str, number: int | None = None, line: int = 1) -> Mention:
    return Mention(file=".env", line=line, variable=name, number=number)


def proposed(*mentions: Mention, settings: Settings = NOTHING, **more: Any) -> Proposal:
    return propose(Found(mentions=mentions, **more), settings)


def table(proposal: Proposal) -> dict[str, dict[str, Any]]:
    return {each.name: dict(each.keys) for each in proposal.services}


def variables(proposal: Proposal) -> dict[str, str]:
    return {each.name: each.variable for each in proposal.services}


def told(proposal: Proposal) -> str:
    return "\n".join(map(str, (*proposal.notes, *proposal.unread)))


def test_a_service_has_the_name_the_image_and_the_container_port():
    found = proposed(
        published("Data_Base", 5432, 5432), images={"Data_Base": "postgres:16"}
    )

    assert table(found) == {
        "data_base": {"purpose": "PostgreSQL Database", "container-port": 5432}
    }


def test_a_variable_that_is_there_stays_the_services():
    found = proposed(published("db", 5432, 5432, variable="POSTGRES_PORT"))

    assert table(found) == {"db": {"env": "POSTGRES_PORT", "container-port": 5432}}


def test_several_ports_of_one_service_have_names_that_tell_them_apart():
    found = proposed(
        published("web", 80, 80),
        published("web", 8443, 443),
        published("web", 8444, 443),
        published("web", 9001, 9001, variable="WEB_ADMIN_PORT"),
    )

    assert variables(found) == {
        "web": "WEB_PORT",
        "web-443": "WEB_443_PORT",
        "web-443-2": "WEB_443_2_PORT",
        "web-9001": "WEB_ADMIN_PORT",
    }


def test_tcp_and_udp_of_one_number_are_one_service_which_is_told():
    tcp, udp = published("dns", 53, 53), published("dns", 53, 53, protocol="udp")

    found = proposed(tcp, udp)

    (only,) = found.services
    assert only.mentions == (tcp, udp)
    assert "protocol" not in only.keys
    assert "53 is both tcp and udp of 'dns'" in told(found)


def test_udp_alone_is_declared():
    found = proposed(published("statsd", 8125, 8125, protocol="udp"))

    assert table(found)["statsd"]["protocol"] == "udp"


def test_one_number_of_two_services_is_two_services():
    found = proposed(published("db", 5432, 5432), published("db-ci", 5432, 5432))

    assert variables(found) == {"db": "DB_PORT", "db-ci": "DB_CI_PORT"}


def test_one_entry_of_two_services_is_one_service_which_is_told():
    entry = published("app", 8000, 8000)

    found = proposed(entry, published("debug", 8000, 8000, spot=entry.spot))

    assert list(variables(found)) == ["app"]
    assert "one entry is of 'app' and of 'debug'" in told(found)


def test_a_variable_in_two_files_is_one_service():
    found = proposed(
        published("db", 5432, 5432, variable="DB_PORT"),
        variable("DB_PORT", 15432),
        variable("WEB_PORT", 8000),
        variable("WEB_PORT"),
    )

    assert variables(found) == {"db": "DB_PORT", "web": "WEB_PORT"}
    assert told(found) == ""


def test_a_variable_with_the_number_of_one_server_is_made_from_it_which_is_told():
    found = proposed(
        published("db", 5432, 5432),
        variable("POSTGRES_PORT", 5432, 7),
        variable("TEST_DB_PORT", 5432, 8),
    )

    assert variables(found) == {"db": "DB_PORT"}
    assert found.templates == {"POSTGRES_PORT": "db", "TEST_DB_PORT": "db"}
    assert [each.line for each in found.ours] == [7, 8]
    assert ".env:7: POSTGRES_PORT is 5432, the port of 'db'" in told(found)


def test_a_variable_with_the_port_inside_a_container_is_made_from_it():
    found = proposed(published("db", 15432, 5432), variable("PGPORT", 5432))

    assert found.templates == {"PGPORT": "db"}


def test_the_number_on_this_machine_goes_before_one_inside_a_container():
    found = proposed(
        published("web", 8080, 80),
        published("api", 9000, 8080),
        variable("SITE_PORT", 8080),
    )

    assert found.templates == {"SITE_PORT": "web"}


def test_a_variable_that_may_be_of_two_moves_neither_which_is_told():
    found = proposed(
        published("db", 5432, 5432),
        published("ci", 5432, 9999),
        published("web", 80, 80),
        variable("PGPORT", 5432),
    )

    assert list(variables(found)) == ["web"]
    assert found.templates == {}
    assert "which may be the port of 'db' or 'ci'" in told(found)
    assert ".env:1: PGPORT is 5432, as at compose.yaml:" in told(found)


def test_a_variable_with_the_container_port_of_two_is_neithers_and_both_move():
    found = proposed(
        published("db", 5433, 5432),
        published("ci", 5434, 5432),
        variable("PGPORT", 5432),
    )

    assert list(variables(found)) == ["db", "ci"]
    assert found.templates == {}
    assert ".env:1: PGPORT may be the port of 'db' or 'ci'" in told(found)


def test_of_two_variables_the_one_with_the_services_name_is_its():
    found = proposed(
        published("db", 5432, 5432), variable("PGPORT", 5432), variable("DB_PORT", 5432)
    )

    assert variables(found) == {"db": "DB_PORT"}
    assert found.templates == {"PGPORT": "db"}


def test_one_variable_with_two_defaults_is_nobodys():
    found = proposed(
        published("a", 8080, 80, variable="PORT"),
        published("b", 9090, 90, variable="PORT"),
        variable("PORT", 8080),
    )

    assert found.services == ()
    assert told(found).count("PORT has several defaults, a port each") == 3


def test_what_cannot_be_replaced_is_not_declared_and_its_number_stays():
    entry = published("db", 5432, 5432)

    found = propose(
        Found(mentions=(entry, variable("PGPORT", 5432))),
        NOTHING,
        stuck={entry.spot: "it is stuck"} if entry.spot else {},
    )

    assert found.services == ()
    assert found.templates == {}
    assert "it is stuck" in told(found)
    assert "which stays as it is" in told(found)


def test_a_variable_with_the_services_name_and_another_number_is_told():
    found = proposed(published("db", 5432, 5432), variable("DB_PORT", 5433))

    assert variables(found) == {"db": "DB_PORT"}
    assert "DB_PORT, here 5433, is taken for the port of 'db'" in told(found)


@pytest.mark.parametrize("here", [True, False])
def test_the_port_of_a_server_elsewhere_is_not_adopted(here):
    found = proposed(
        published("relay", 1025, 1025),
        variable("MAIL_PORT", 1025),
        hosts={"MAIL_ENDPOINT": here, "OTHER_HOST": False},
    )

    assert bool(found.templates) is here
    assert ("of a server elsewhere, as MAIL_ENDPOINT says" in told(found)) is not here


@pytest.mark.parametrize(
    ("name", "value", "here"),
    [
        ("DB_HOST", "localhost", True),
        ("DB_HOST", "127.0.0.1", True),
        ("DB_HOST", "::1", True),
        ("DB_HOST", "[::1]:5432", True),
        ("DB_HOST", "app.localhost", True),
        ("DB_HOST", "db", False),
        ("DB_HOST_NAME", "prod", False),
        ("DB_HOST", "localhost.example.org", False),
        ("DB_HOST", "${OTHER}", False),
        ("DB_ENDPOINT", "x.rds.example.com", False),
        ("DB_URL", "pg://me:p@ss@localhost:5432/x", True),
        ("DB_URL", "pg://localhost@prod/x", False),
        ("DB_DSN", "pg://localhost:1,prod:2/x", False),
        ("KAFKA_BROKERS", "localhost:9092, kafka:9092", False),
        ("DB_PRIMARY", "db.example.com", False),
        ("DB_PRIMARY", "10.0.0.7:5432", False),
        ("DB_PRIMARY", "db:5432", False),
        ("DB_USER", "shop", None),
        ("DB_VERSION", "16.2", None),
        ("DB_PASSWORD", "x y://", None),
    ],
)
def test_a_value_tells_whether_something_is_on_this_machine(name, value, here):
    assert hosts.local(name, value) is here


def test_a_low_port_without_a_host_is_not_adopted():
    found = proposed(variable("SMTP_PORT", 587))

    assert found.services == ()
    assert "SMTP_PORT is 587, as of a server elsewhere" in told(found)


@pytest.mark.parametrize(
    ("name", "number"), [("PORT", 8000), ("PORT_WEB", 8000), ("WEB_PORT", None)]
)
def test_a_variable_that_nothing_tells_the_server_of_is_not_adopted(name, number):
    found = proposed(variable(name, number))

    assert found.services == ()
    assert f"{name} is {number or 'without a number'}" in told(found)


@pytest.mark.parametrize(
    "name", ["BASE_PORT", "NEXT_PORT", "PORTCONF_PORT", "web_port"]
)
def test_a_variable_that_portconf_refuses_is_told(name):
    found = proposed(variable(name, 8000), published("web", 80, 80, variable=name))

    assert found.services == ()
    assert told(found).count(f"variable {name!r} ") == 2
    assert "name another one there" in told(found)


def test_a_service_whose_variable_means_something_else_gets_another():
    found = proposed(published("db", 5432, 5432), inner=frozenset({"DB_PORT"}))

    assert table(found) == {"db": {"env": "DB_HOST_PORT", "container-port": 5432}}


def test_a_variable_that_containers_use_too_is_not_adopted():
    found = proposed(variable("DB_PORT", 5432), inner=frozenset({"DB_PORT"}))

    assert found.services == ()
    assert "DB_PORT goes into containers, and stays yours" in told(found)


def test_an_entry_whose_variable_containers_get_has_another_variable():
    found = proposed(
        published("web", 3000, 3000, variable="PORT"),
        published("api", 3001, 3001, variable="API_PORT"),
        inner=frozenset({"PORT", "API_PORT"}),
    )

    assert variables(found) == {"web": "WEB_PORT", "api": "API_HOST_PORT"}


@pytest.mark.parametrize("name", ["DB_PORT", "SERIAL_PORT"])
def test_a_variable_that_is_not_only_a_port_is_not_overwritten(name):
    found = proposed(
        published("db", 5432, 5432, variable="DB_PORT"),
        published("serial", 5000, 5000),
        foreign={name: "it is text"},
    )

    assert name not in variables(found).values()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("base", "app-base"),
        ("portconf-x", "app-portconf-x"),
        ("--", "app"),
        ("My App!", "my-app"),
        ("_x-.", "x"),
        ("ünïcode", "n-code"),
        ("a..b__c", "a.b_c"),
        ("x" * 300, "x" * 50),
    ],
)
def test_any_name_becomes_a_valid_one(owner, name):
    assert list(table(proposed(published(owner, 80, 80)))) == [name]


def test_names_with_one_variable_are_told_apart():
    found = proposed(published("a-b", 80, 80), published("a_b", 81, 81))

    assert variables(found) == {"a-b": "A_B_PORT", "a_b-81": "A_B_81_PORT"}


def test_a_forwarded_number_declares_nothing_and_is_told():
    lines = [Mention(file="devcontainer.json", line=n, number=n) for n in (3000, 5432)]

    found = proposed(published("db", 5432, 5432), *lines)

    assert list(variables(found)) == ["db"]
    assert "devcontainer.json:3000: 3000 is forwarded, and nothing" in told(found)
    assert "devcontainer.json:5432: 5432 is the port of 'db', and is left" in told(
        found
    )


def test_a_process_is_the_server_of_its_name_or_port_else_its_own():
    processes = [
        Mention(file="Procfile", line=n, owner=owner, number=number)
        for n, (owner, number) in enumerate(
            [("web", 5000), ("app", 8000), ("admin", 7000)], start=1
        )
    ]

    found = proposed(
        published("web", 80, 80),
        published("api", 9000, 8000),
        variable("SITE_PORT", 7000),
        *processes,
    )

    assert list(variables(found)) == ["web", "api", "admin"]
    assert found.templates == {"SITE_PORT": "admin"}
    assert "Procfile:2: 8000 is the port of 'api', and is left as it is" in told(found)


DECLARED = """
[tool.portconf.services]
db = { purpose = "Ours", env = "PG", container-port = 5432 }
web = "Ours"

[tool.portconf.env]
URL_PORT = "x{web}"
"""


def test_what_is_declared_stays_and_is_known_by_variable_or_name():
    settings = declaration.parse(DECLARED)
    assert settings

    found = proposed(
        published("db", 5432, 5432),
        published("x", 8000, 80, variable="WEB_PORT"),
        variable("PG", 5432),
        variable("URL_PORT", 1234),
        settings=settings,
    )

    assert [(each.name, each.variable, each.declared) for each in found.services] == [
        ("db", "PG", True),
        ("web", "WEB_PORT", True),
    ]


def test_a_declared_name_with_another_container_port_is_another_service():
    settings = declaration.parse(DECLARED)
    assert settings

    found = proposed(published("db", 9000, 9000), settings=settings)

    assert variables(found) == {"db-9000": "DB_9000_PORT"}


def test_who_is_known_by_its_variable_is_no_other_entry_by_its_name():
    settings = declaration.parse(DECLARED)
    assert settings

    found = proposed(
        published("web", 7002, 80),
        published("web", None, 80, variable="WEB_PORT"),
        settings=settings,
    )

    assert variables(found) == {"web-80": "WEB_80_PORT", "web": "WEB_PORT"}


def test_a_number_at_the_end_of_a_declared_name_is_a_part_of_it():
    text = "[tool.portconf.services]\npostgres-9 = { container-port = 5432 }\n"
    settings = declaration.parse(text)
    assert settings

    found = proposed(
        published("postgres", 5432, 5432),
        published("postgres-9", 5433, 5432),
        settings=settings,
    )

    assert list(variables(found)) == ["postgres", "postgres-9"]


def test_the_number_of_a_declared_service_is_its_container_port_or_the_plans():
    settings = declaration.parse(DECLARED)
    assert settings

    found = propose(
        Found(mentions=(variable("A_PORT", 5432), variable("B_PORT", 4001))),
        settings,
        assigned={"db": 4000, "web": 4001},
    )

    assert found.templates == {"A_PORT": "db", "B_PORT": "web"}


def test_what_is_only_asked_declares_nothing():
    settings = declaration.parse(DECLARED)
    assert settings
    asked = Found(
        mentions=(
            published("api", 9000, 9000),
            variable("OTHER_PORT", 7000),
            variable("A_PORT", 5432),
        )
    ).asked()

    found = propose(
        Found.joined([asked, Found(mentions=(variable("API_TEST_PORT", 9000),))]),
        settings,
    )

    assert found.services == ()
    assert found.templates == {}
    assert told(found) == (
        ".env:1: API_TEST_PORT is the port of 'api'; name compose.yaml too"
    )
