"""Where Compose files and the declaration disagree."""

import textwrap

import pytest

from portconf.compose import elsewhere, findings, reading
from portconf.model import Service
from portconf.settings import Settings
from portconf.templates import Template


DB = Service(name="postgres", container_port=5432)
CACHE = Service(name="redis")
WEB = Service(name="web")
SHARED = Service(name="mail", shared=True, container_port=1025)
FIXED = Service(name="proxy", port=8443)
SERVICES = (DB, CACHE, WEB, SHARED, FIXED)
ASSIGNED = {"postgres": 4000, "redis": 4001, "web": 4002, "mail": 4003, "proxy": 8443}
ASSIGNED |= {"declared-no-more": 4004}


def found(compose: str, *, overridden: bool = False, **fields: object) -> list[str]:
    settings = Settings(
        services=SERVICES,
        templates=(Template(variable="PG", text="{postgres}"),),
        **fields,  # type: ignore[arg-type]
    )
    stack = reading.read({"compose.yaml": textwrap.dedent(compose)})
    assert stack.unread == ()
    told = findings.of_stack(stack, settings, ASSIGNED, overridden=overridden)
    assert all(each.startswith("compose.yaml:") for each in told)
    return [each.removeprefix("compose.yaml:") for each in told]


def entry(text: str, about: str = "image: x", service: str = "a") -> str:
    return f"services:\n  {service}:\n    {about}\n    ports:\n      - {text}\n"


@pytest.mark.parametrize(
    "text",
    [
        '"${POSTGRES_PORT:?run portconf init}:5432"',
        '"127.0.0.1:${POSTGRES_PORT:-5432}:5432"',
        '"${POSTGRES_PORT?run portconf init}:5432"',
        '"${PG:-}:5432"',
        '"${OTHER:-${WEB_PORT:?x}}:80"',
        '"${BASE_PORT:?x}:80"',
        "6000",
        "127.0.0.1::80",
        '"8443:443"',
        '"4003:25"',
        '"${MAIL_PORT}:1025"',
        "{target: 80}",
        '"0:80"',
        '"0:5432"',
        '"${P:-}:80"',
        '"${P-0}:80"',
        "{target: 80, published: 0}",
        '"${WEB_PORT}:${WEB_PORT}"',
    ],
)
def test_a_port_that_is_declared_or_chosen_by_docker_is_no_finding(text):
    assert found(entry(text)) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '"80:80"',
            (
                "5: 'a' publishes the host port 80, which no declared service has: declare"
                " one (with port = 80 if it must not move), and write its variable there"
            ),
        ),
        (
            '"${X:-80}:80"',
            (
                "5: 'a' publishes the host port ${X:-80}, which no declared service has:"
                " declare one, and write its variable there"
            ),
        ),
        (
            '"${X}:80"',
            (
                "5: 'a' publishes the host port ${X}, which no declared service has:"
                " declare one, and write its variable there"
            ),
        ),
        (
            "8000-8010:80",
            (
                "5: 'a' publishes the host port 8000-8010, which no service can have, as"
                " it has one port: write an entry for each, with the variable of a"
                " declared service"
            ),
        ),
        (
            "{target: 5432, published: 5432}",
            (
                "5: 'a' publishes the host port 5432 where the port of 'postgres' should be:"
                " write ${POSTGRES_PORT:?run portconf init}"
            ),
        ),
        (
            '"4000:5432"',
            (
                "5: 'a' publishes the host port 4000 where the port of 'postgres' should be:"
                " write ${POSTGRES_PORT:?run portconf init}"
            ),
        ),
    ],
)
def test_a_host_port_that_nobody_declared_is_found(text, told):
    assert found(entry(text)) == [told]


@pytest.mark.parametrize(
    ("text", "published", "variable"),
    [
        ('"${POSTGRES_PORT}:5432"', "${POSTGRES_PORT}", "POSTGRES_PORT"),
        ('"127.0.0.1:$WEB_PORT:80"', "$WEB_PORT", "WEB_PORT"),
        ("{target: 80, published: '${WEB_PORT}'}", "${WEB_PORT}", "WEB_PORT"),
        ('"${WEB_PORT}:${X:-80}"', "${WEB_PORT}", "WEB_PORT"),
        ('"${PG}:5432"', "${PG}", "PG"),
        ('"${OTHER:-${WEB_PORT}}:80"', "${OTHER:-${WEB_PORT}}", "WEB_PORT"),
        ('"${BASE_PORT}:80"', "${BASE_PORT}", "BASE_PORT"),
    ],
)
def test_a_variable_of_ours_that_may_be_unset_is_found(text, published, variable):
    told = (
        f"5: 'a' publishes {published}, and where that is not set a random port: write"
        f" ${{{variable}:?run portconf init}}"
    )

    assert found(entry(text)) == [told]
    covered = found(entry(text), overridden=True)
    assert covered == ([told] if variable == "BASE_PORT" or "OTHER" in text else [])


@pytest.mark.parametrize(
    ("published", "variable"),
    [
        ("${WEB_PORT}1", "WEB_PORT"),
        ("1${WEB_PORT:-2}", "WEB_PORT"),
        ("${WEB_PORT:+80}", "WEB_PORT"),
        ("${POSTGRES_PORT}-${WEB_PORT}", "POSTGRES_PORT"),
        ("${X:-1${WEB_PORT}}", "WEB_PORT"),
    ],
)
def test_a_variable_of_ours_in_part_is_found(published, variable):
    assert found(entry(f'"{published}:9"')) == [
        (
            f"5: 'a' publishes the host port {published}, which is more than a variable of"
            f" portconf's: write ${{{variable}:?run portconf init}} alone"
        )
    ]


WEB_80 = "'${WEB_PORT:?x}:80'"
TWICE = (
    "2: 'b' publishes the port of 'web', as 'a' does in compose.yaml:1, and only one of"
    " them can have it: declare a service for each"
)


@pytest.mark.parametrize(
    "services",
    [
        f"a: {{ports: [{WEB_80}]}},\nb: {{ports: [{WEB_80}]}}",
        f"a: {{ports: [{WEB_80}]}},\nb: {{ports: ['${{WEB_PORT:-1}}:9']}}",
        f"a: {{ports: [{WEB_80}]}},\nb: {{ports: ['127.0.0.1:${{WEB_PORT:-1}}:9']}}",
        f"a: {{ports: [{WEB_80}]}},\nb: {{ports: ['[::1]:${{WEB_PORT:-1}}:9']}}",
        f"a: {{ports: [{WEB_80}]}},\nb: {{profiles: [x], ports: [{WEB_80}]}}",
        (
            f"a: {{profiles: [x, y], ports: [{WEB_80}]}},\n"
            f"b: {{profiles: [y, z], ports: [{WEB_80}]}}"
        ),
        (
            "a: {ports: ['0.0.0.0:${WEB_PORT:-1}:80']},\n"
            "b: {ports: ['127.0.0.1:${WEB_PORT:-1}:80']}"
        ),
    ],
)
def test_a_port_of_ours_that_two_services_publish_is_found(services):
    assert found(f"services: {{{services}}}") == [TWICE]


def test_a_port_of_ours_that_one_service_publishes_twice_is_found():
    compose = f"services: {{a: {{ports: [{WEB_80},\n'${{WEB_PORT:?x}}:81']}}}}"

    assert found(compose) == [TWICE.replace("'b'", "'a'")]


@pytest.mark.parametrize(
    "services",
    [
        f"a: {{profiles: [x], ports: [{WEB_80}]}}, b: {{profiles: [y], ports: [{WEB_80}]}}",
        f"a: {{ports: [{WEB_80}]}}, b: {{ports: ['${{WEB_PORT:?x}}:80/udp']}}",
        f"a: {{ports: [{WEB_80}]}}, b: {{ports: ['${{BASE_PORT:?x}}:80']}}",
        f"a: {{ports: [{WEB_80}, {WEB_80}]}}",
        (
            "a: {ports: ['127.0.0.1:${WEB_PORT:-1}:80']},"
            " b: {ports: ['[::1]:${WEB_PORT:-1}:80']}"
        ),
        (
            "a: {ports: ['0.0.0.0:${WEB_PORT:-1}:80']},"
            " b: {ports: ['[::1]:${WEB_PORT:-1}:80']}"
        ),
        (
            "a: {ports: ['${IP}:${WEB_PORT:-1}:80']},"
            " b: {ports: ['127.0.0.1:${WEB_PORT:-1}:80']}"
        ),
    ],
)
def test_a_port_of_ours_that_is_free_for_both_is_no_finding(services):
    assert found(f"services: {{{services}}}") == []


def test_our_override_file_stands_for_the_ports_of_declared_services():
    compose = "services: {a: {ports: ['5432:5432', '80:80']}}"

    assert len(found(compose)) == 2
    assert [each[:40] for each in found(compose, overridden=True)] == [
        "1: 'a' publishes the host port 80, which"
    ]


BOTH = (
    "5: 'a' has ${REDIS_PORT} on both sides of ':', and 'redis:8' listens on 6379 in"
    " the container: write 6379 on the right, or declare another container-port"
)


def test_one_port_on_both_sides_is_found_where_the_image_listens_elsewhere():
    assert found(entry('"${REDIS_PORT}:${REDIS_PORT}"', "image: redis:8")) == [BOTH]
    assert found(entry('"${REDIS_PORT:-1}:$REDIS_PORT"', "image: redis:8")) == [
        BOTH.replace("${REDIS_PORT}", "${REDIS_PORT:-1}")
    ]
    assert "on both sides" in found(entry('"8080:8080"', "image: redis"))[1]


def test_a_second_port_of_an_image_is_no_finding():
    two = "services: {a: {image: postgres, ports: ['${PG:?}:5432', '${WEB_PORT:?}:9187']}}"
    literal = "services: {a: {image: redis, ports: ['${PG:?}:5432', '9121:9121']}}"

    assert found(two) == []
    assert len(found(literal)) == 1
    for image in ("rabbitmq:4-management", "nats", "elasticsearch", "minio/minio"):
        assert found(entry('"${WEB_PORT}:${WEB_PORT}"', f"image: {image}")) == []


@pytest.mark.parametrize(
    "about",
    [
        "build: .",
        "build: ., image: redis",
        "image: ours",
        "image: nginx",
        "image: redis, command: redis-server --port $REDIS_PORT",
        'image: redis, command: ["--port", "${REDIS_PORT}"]',
        "image: redis, environment: {PORT: '${REDIS_PORT}'}",
        "image: redis, environment: [REDIS_PORT]",
        "image: redis, env_file: redis.env",
        "image: redis, env_file: [{path: /etc/redis.env}]",
        "image: redis, command: redis-server /etc/redis.conf",
        "image: redis, entrypoint: [/start.sh]",
        "image: redis, environment: ['PORT=${REDIS_PORT}']",
    ],
)
def test_an_image_that_may_listen_there_is_no_finding(about):
    text = f"services: {{a: {{{about}, ports: ['${{REDIS_PORT}}:${{REDIS_PORT}}']}}}}"

    assert found(text) == []


def test_the_declared_container_port_counts_for_more_than_the_image():
    moved = entry('"${POSTGRES_PORT:?}:5433"', "image: postgres")
    both = entry('"${POSTGRES_PORT}:${POSTGRES_PORT}"', "build: .")

    assert found(moved) == [
        (
            "5: 'a' publishes the port 5433 of its container as 'postgres', whose"
            " container-port is 5432"
        )
    ]
    assert found(both) == [
        (
            "5: 'a' has ${POSTGRES_PORT} on both sides of ':', and its server listens on"
            " 5432 in the container: write 5432 on the right, or declare another"
            " container-port"
        )
    ]


NAMED = """\
    name: shop
    services:
      a:
        container_name: shop-a
        volumes: [data:/data]
        networks: {inner: }
      mail:
        container_name: shop-mail
        volumes: [{type: volume, source: mails, target: /mails}]
        networks: [outer]
    volumes:
      data: {name: data}
      mails: {name: mails}
    networks:
      inner: {name: inner}
      outer: {name: outer}
"""


def test_a_name_that_two_checkouts_would_share_is_found_but_for_what_is_shared():
    assert found(NAMED) == [
        (
            "4: the container of 'a' is named 'shop-a' in every checkout: leave"
            " 'container_name' out, or write ${COMPOSE_PROJECT_NAME} into it"
        ),
        (
            "12: the volume of 'data' is named 'data' in every checkout: leave 'name' out,"
            " or write ${COMPOSE_PROJECT_NAME} into it"
        ),
        (
            "15: the network of 'inner' is named 'inner' in every checkout: leave 'name'"
            " out, or write ${COMPOSE_PROJECT_NAME} into it"
        ),
    ]


def test_the_container_of_a_shared_service_is_exempt_and_no_other_declared_one():
    compose = """\
        services:
          redis: {container_name: x, ports: ['${REDIS_PORT:?x}:6379']}
          b: {container_name: y, ports: ['${MAIL_PORT:?x}:1025']}
    """

    assert [each[:32] for each in found(compose)] == [
        "2: the container of 'redis' is n"
    ]


@pytest.mark.parametrize("without", [{"dotenv": None}, {"compose_env": None}])
def test_one_env_file_is_enough_for_the_name_of_the_project(without):
    assert found("name: shop\nservices: {}", **without) == []


def test_the_name_of_the_project_counts_where_no_env_file_has_another():
    told = found("name: shop\nservices: {}", dotenv=None, compose_env=None)

    assert told == [
        (
            "1: the project is named 'shop' in every checkout, and no env file says"
            " otherwise: leave the name out"
        )
    ]


def test_a_shared_service_is_exempt():
    compose = "services: {mail: {ports: ['1025:1025', '${MAIL_PORT}:1025']}}"

    assert [each for each in found(compose) if "1025:1025" in each] == []


def test_an_alias_of_several_services_is_told_of_each():
    told = found("x: &p ['80:80']\nservices: {a: {ports: *p}, b: {ports: *p}}")

    assert [each[:5] for each in told] == ["1: 'a", "1: 'b"]


@pytest.mark.parametrize(
    "line", ["# COMPOSE_FILE=x", "COMPOSE_FILE=", "MY_COMPOSE_FILE=x"]
)
def test_an_env_file_that_names_no_compose_file_is_nothing_to_tell(line):
    assert elsewhere.named(f"A=1\n{line}\nB=2\n".encode(), ".env") == ()


def test_the_next_port_is_nobodys():
    (told,) = found("services: {a: {ports: ['${NEXT_PORT:?x}:1']}}")

    assert "${NEXT_PORT:?x}, which no declared service has" in told
