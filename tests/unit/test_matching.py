"""Which entry of a Compose file is which service."""

import pytest

from portconf.compose import matching, reading
from portconf.model import Protocol, Service
from portconf.settings import Settings
from portconf.templates import Template


DB = Service(name="db", container_port=5432)
WEB = Service(name="web")


def matched(compose: str, *services: Service) -> list[str | None]:
    """Return the service of each port of `SERVICE: [PORT, ...], ...`."""
    listed = ", ".join(
        f"{name}: {{ports: {ports}}}"
        for name, ports in (each.split(": ") for each in compose.split("; "))
    )
    stack = reading.read({"compose.yaml": f"services: {{{listed}}}"})
    assert stack.unread == ()
    settings = Settings(
        services=services,
        templates=(
            Template(variable="PLAIN", text="{db}"),
            Template(variable="URL", text="x:{db}"),
        ),
    )
    return [*matching.matched(stack, services, settings)]


@pytest.mark.parametrize(
    ("compose", "names"),
    [
        # By the variable, whatever the names and numbers are.
        ("a: ['${DB_PORT}:1']; db: ['2:5432']", ["db", None]),
        ("a: ['$PLAIN:1']", ["db"]),
        ("a: ['$URL:1']", [None]),
        ("a: ['${DB_PORT}:1-2']", [None]),
        # By the name of the Compose service.
        ("db: ['1:5432', '2:80']; a: ['3:5432']", ["db", None, None]),
        ("db: ['1:80']", [None]),
        ("db: ['1:5432/udp']", [None]),
        ("web: ['1:80', '2:80']", ["web", "web"]),
        ("web: ['1:80', '2:81']", [None, None]),
        ("web: ['1:80', '2:1-2']", ["web", None]),
        # By the port in the container, where one Compose service has it.
        ("a: ['1:5432']; b: ['2:80']", ["db", None]),
        ("a: ['1:5432', '127.0.0.1:2:5432']", ["db", "db"]),
        ("a: ['1:5432']; b: ['2:5432']", [None, None]),
        ("a: ['1:5432/udp']", [None]),
    ],
)
def test_an_entry_is_a_service_by_its_variable_its_name_or_its_port(compose, names):
    assert matched(compose, DB, WEB) == names


def test_where_two_services_would_do_neither_is_taken():
    other = Service(name="other", container_port=5432)
    spoken = Service(name="spoken", container_port=5432, protocol=Protocol.UDP)

    assert matched("a: ['1:5432']", DB, other) == [None]
    assert matched("a: ['1:5432']", DB, spoken) == ["db"]
    assert matched("db: ['1:5432']; a: ['2:5432']", DB, other) == ["db", "other"]
