"""What a good declaration means; the bad ones are files in `tests/projects/invalid`."""

import pytest

from portconf.declaration import candidates, load, parse
from portconf.errors import ConfigError
from portconf.model import PortRange, Protocol, Service
from portconf.settings import Guard, Isolate, Pytest, Settings


def declared(text: str) -> Settings:
    settings = parse(text)
    assert settings is not None
    return settings


@pytest.mark.parametrize(
    "text",
    ["", "[project]\nname = 'x'", "[tool]", "[tool.other]", "tool = 5", "tool = []"],
)
def test_a_file_without_our_table_declares_nothing(text):
    assert parse(text) is None


def test_an_empty_table_is_a_declaration_of_defaults():
    assert parse("[tool.portconf]") == Settings()


@pytest.mark.parametrize(
    "text",
    [
        '[tool.portconf]\nservices = ["web", "db"]',
        '[tool.portconf.services]\nweb = ""\ndb = ""',
        "[tool.portconf.services]\nweb = {}\ndb = {}",
        "[tool.portconf.services.web]\n[tool.portconf.services.db]",
        "[tool.portconf]\nservices.web = {}\nservices.db = {}",
        "tool.portconf.services.web = {}\ntool.portconf.services.db = {}",
        "[tool]\nportconf = { services = { web = {}, db = {} } }",
    ],
)
def test_services_can_be_declared_in_any_form_and_keep_their_order(text):
    assert declared(text).services == (Service(name="web"), Service(name="db"))


@pytest.mark.parametrize(
    ("table", "meant"),
    [
        ("", Pytest()),
        ("isolate = 'run'", Pytest(isolate=Isolate.RUN)),
        (
            "isolate = 'off'\nguard = 'warn'",
            Pytest(isolate=Isolate.OFF, guard=Guard.WARN),
        ),
    ],
)
def test_what_pytest_is_told_is_for_pytest_alone(table, meant):
    settings = declared(f"[tool.portconf.pytest]\n{table}")

    assert settings == Settings(tests=meant)


def test_the_short_form_is_the_purpose():
    text = '[tool.portconf.services]\nweb = "Main HTTP Server"'

    assert declared(text).services == (Service(name="web", purpose="Main HTTP Server"),)


def test_every_key_of_a_service_is_read():
    text = """
    [tool.portconf.services.db]
    purpose = "PostgreSQL Database"
    env = "PGPORT"
    port = 5432
    shared = true
    protocol = "udp"
    container-port = 5433
    scheme = "postgresql"
    health = ["pg_isready", "-q"]
    """

    assert declared(text).services == (
        Service(
            name="db",
            purpose="PostgreSQL Database",
            env="PGPORT",
            port=5432,
            shared=True,
            protocol=Protocol.UDP,
            container_port=5433,
            scheme="postgresql",
            health=("pg_isready", "-q"),
        ),
    )


def test_every_key_of_the_table_is_read():
    text = """
    [tool.portconf]
    base-port = 5000
    last-port = 5999
    instance-range = "30000-30999"
    block-size = 50
    assignments = "ports.json"
    dotenv = ".env.local"
    compose-env = false
    shell-exports = "bin/ports.sh"
    """

    assert declared(text) == Settings(
        base_port=5000,
        last_port=5999,
        instance_range=PortRange(first=30000, last=30999),
        block_size=50,
        assignments="ports.json",
        dotenv=".env.local",
        compose_env=None,
        shell_exports="bin/ports.sh",
    )


def test_templates_keep_their_order_and_may_name_nobody():
    text = """
    [tool.portconf]
    services = ["web", "a.b"]
    [tool.portconf.env]
    URL = "http://127.0.0.1:{web}/{a.b}"
    A_CONSTANT = "x"
    """

    assert [(each.variable, each.services) for each in declared(text).templates] == [
        ("URL", ("web", "a.b")),
        ("A_CONSTANT", ()),
    ]


@pytest.mark.parametrize(
    "text",
    ["x =", "a = 1\na = 2", "x = " + "[" * 100_000, "x = " + "9" * 5000, "x = 1\0"],
    ids=["no value", "a key twice", "nested", "huge number", "NUL"],
)
def test_what_is_not_toml_is_refused(text):
    with pytest.raises(ConfigError, match=r"^pyproject.toml: is not TOML: "):
        parse(text)


def test_a_byte_order_mark_is_not_part_of_the_declaration(tmp_path):
    data = b"\xef\xbb\xbf[tool.portconf]\r\nservices = ['web']\r\n"
    (tmp_path / "pyproject.toml").write_bytes(data)

    assert load(str(tmp_path)) == Settings(services=(Service(name="web"),))


def test_a_file_that_is_not_utf_8_is_refused_with_the_byte(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b"[tool]\nx = '\xe4'\n")

    with pytest.raises(ConfigError, match="is not UTF-8: byte 12 is 0xe4"):
        load(str(tmp_path))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").mkdir()

    with pytest.raises(ConfigError, match=r"pyproject.toml: cannot be read: "):
        load(str(tmp_path))


def test_the_search_ends_at_the_root_of_the_checkout(tmp_path):
    inner = tmp_path / "shop" / "api" / "v1"
    inner.mkdir(parents=True)
    (tmp_path / "shop" / ".git").mkdir()
    for folder in (tmp_path, tmp_path / "shop", tmp_path / "shop" / "api"):
        (folder / "pyproject.toml").touch()

    found = list(candidates(str(inner)))

    assert found == [str(tmp_path / "shop" / "api"), str(tmp_path / "shop")]


def test_the_search_begins_in_a_folder(tmp_path):
    with pytest.raises(ConfigError, match="is not a folder"):
        next(candidates(str(tmp_path / "nope")))
