"""Which services are made of what a project's files say."""

from itertools import count
from typing import Any

import pytest

from portconf import declaration
from portconf.adopt.proposal import Proposal, propose
from portconf.adopt.values import Found, Mention
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
        published("web", 9000, 9000),
        published("web", 9001, 9001, variable="WEB_ADMIN_PORT"),
    )

    assert list(table(found)) == ["web", "web-https", "web-9000", "web-admin"]


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


def test_a_variable_with_the_number_of_an_entry_is_its_which_is_told():
    found = proposed(published("db", 5432, 5432), variable("POSTGRES_PORT", 5432, 7))

    assert variables(found) == {"db": "POSTGRES_PORT"}
    assert ".env:7: POSTGRES_PORT is 5432, as is the port of 'db' at" in told(found)


def test_a_variable_that_may_be_of_two_is_neithers_which_is_told():
    found = proposed(
        published("db", 5432, 5432),
        published("ci", 5432, 5432),
        variable("PGPORT", 5432),
    )

    assert variables(found) == {"db": "DB_PORT", "ci": "CI_PORT"}
    assert "PGPORT may be the port of 'db' (compose.yaml:" in told(found)


def test_two_variables_with_the_number_of_an_entry_are_told():
    found = proposed(
        published("db", 5432, 5432), variable("PGPORT", 5432), variable("PG_PORT", 5432)
    )

    assert variables(found) == {"db": "DB_PORT"}
    assert "PGPORT may be" in told(found)
    assert "PG_PORT may be" in told(found)


def test_of_two_variables_the_one_with_the_services_name_is_its():
    found = proposed(
        published("db", 5432, 5432), variable("PGPORT", 5432), variable("DB_PORT", 5432)
    )

    assert variables(found) == {"db": "DB_PORT"}
    assert "PGPORT may be" in told(found)


def test_a_variable_with_the_services_name_and_another_number_is_told():
    found = proposed(published("db", 5432, 5432), variable("DB_PORT", 5433))

    assert variables(found) == {"db": "DB_PORT"}
    assert "DB_PORT, here 5433, is taken for the port of 'db'" in told(found)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("", True),
        ("::1", True),
        ("mail.example.org", False),
        ("localhost.example.org", False),
        ("db", False),
    ],
)
def test_the_port_of_a_server_elsewhere_is_not_adopted(host, ours):
    found = proposed(variable("MAIL_PORT", 1025), hosts={"MAIL_HOST": host})

    assert bool(found.services) is ours
    assert ("not of this machine" in told(found)) is not ours


def test_a_low_port_without_a_host_is_not_adopted():
    found = proposed(variable("SMTP_PORT", 587))

    assert found.services == ()
    assert "SMTP_PORT is 587, as of a server elsewhere" in told(found)


@pytest.mark.parametrize(
    "name", ["BASE_PORT", "NEXT_PORT", "PORTCONF_PORT", "web_port"]
)
def test_a_variable_that_portconf_refuses_is_told(name):
    found = proposed(variable(name, 8000), published("web", 80, 80, variable=name))

    assert found.services == ()
    assert told(found).count(f"variable {name!r} ") == 2


def test_a_service_whose_variable_means_something_else_gets_another():
    found = proposed(published("db", 5432, 5432), inner=frozenset({"DB_PORT"}))

    assert table(found) == {"db": {"env": "DB_HOST_PORT", "container-port": 5432}}


def test_a_variable_that_containers_use_too_is_not_adopted():
    found = proposed(variable("DB_PORT", 5432), inner=frozenset({"DB_PORT"}))

    assert found.services == ()
    assert "Compose uses DB_PORT for more than a host's port" in told(found)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("base", "base-service"),
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


def test_a_number_without_a_name_is_told():
    found = proposed(Mention(file="devcontainer.json", line=3, number=3000))

    assert found.services == ()
    assert "devcontainer.json:3: 3000 has no name" in told(found)


def test_a_process_on_the_port_of_a_variable_is_its_which_is_told():
    process = Mention(file="Procfile", line=1, owner="web", number=8000)

    found = proposed(variable("APP_PORT", 8000), process)

    assert variables(found) == {"web": "APP_PORT"}
    assert "8000 is the port of 'APP_PORT' at .env:1" in told(found)
    assert "Procfile:1: 8000 is the port of 'web', and is left as it is" in told(found)


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
