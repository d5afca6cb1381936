"""What the ports of a project become beside the Compose file itself."""

import re
import sys

import pytest
from checkouts import PLAN, declaration

from portconf.compose import GENERATED, NETWORK


COMPOSE = "services:\n  db:\n    image: postgres\n    ports: ['5432:5432']\n"


@pytest.fixture
def overridden(shop, base):
    """A checkout whose Compose file stays as it is, with the file that overrides it."""
    (shop.root / "compose.yaml").write_text("services: {db: {ports: ['5432:5432']}}\n")
    shop.declare(declaration(base, table="db = {container-port = 5432}"))
    shop.git("rm", "-q", PLAN)
    shop.init()
    shop.run("export", "--format", "compose-override", "--output", str(shop.root))
    return shop


def test_an_override_of_older_ports_is_found(overridden):
    assert overridden.run("check").code == 0
    overridden.run("init", "--relocate")

    done = overridden.run("check")

    assert done.code == 1
    assert "compose.portconf.yaml is not what" in done.err + done.out


def test_an_override_is_that_of_the_checkout_in_a_run_too(overridden):
    words = ("run", "--isolated", "--", sys.executable, "-m", "portconf", "check")
    done = overridden.start(*words)
    _, err = done.communicate(timeout=60)

    assert done.returncode == 0, err


@pytest.mark.parametrize("form", ["override", "network"])
def test_what_is_exported_for_compose_is_kept_out_of_git(shop, base, form):
    (shop.root / "compose.yaml").write_text(COMPOSE)
    shop.declare(declaration(base, table="db = {container-port = 5432}"))
    shop.run("export", "--format", f"compose-{form}", "--output", str(shop.root))

    told = shop.run("init").err
    shop.run("init", "--gitignore")

    (made,) = {GENERATED, NETWORK} & {each.name for each in shop.root.iterdir()}
    assert re.search(rf"git does not ignore .*\b{re.escape(made)}:", told)
    assert made not in shop.git("status", "--porcelain", "--untracked-files=all")


def test_containers_that_get_our_env_file_are_told(shop):
    text = COMPOSE + "  api: {build: ., env_file: .env, environment: {DB_HOST: db}}\n"
    (shop.root / "compose.yaml").write_text(text)

    assert "'api' gets .env by env_file" in shop.run("adopt").err

    text = text.replace("env_file: .env", "env_file: [.env, portconf.network.env]")
    (shop.root / "compose.yaml").write_text(text)
    assert "by env_file" not in shop.run("adopt").err


def test_a_second_value_beside_the_compose_file_is_told(shop):
    (shop.root / "infra").mkdir()
    text = COMPOSE.replace("5432:5432", "${DB_PORT:-5432}:5432")
    (shop.root / "infra/compose.yaml").write_text(text)
    (shop.root / "infra/.env").write_text("A=1\nDB_PORT=5433\n")

    done = shop.run("adopt", str(shop.root / "infra/compose.yaml"))

    assert "infra/.env:2: Compose finds DB_PORT here too" in done.err


@pytest.mark.parametrize(
    "name", ["docker/docker-compose.yml", ".devcontainer/compose.yaml"]
)
def test_a_compose_file_one_folder_down_is_told(shop, name):
    (shop.root / name).parent.mkdir()
    (shop.root / name).write_text(COMPOSE)

    assert f"'portconf adopt {name}' does" in shop.run("adopt").err


def test_a_compose_file_that_is_no_yaml_is_told_once(shop):
    (shop.root / "compose.yaml").write_text("services: [}\n")

    err = shop.run("adopt").err

    assert "no YAML" in err
    assert "'portconf adopt compose.yaml' does" not in err


def test_docker_chooses_port_zero(shop):
    (shop.root / "compose.yaml").write_text(COMPOSE.replace("5432:", "0:"))

    assert "Docker chooses the port of 'db'" in shop.run("adopt").err


@pytest.mark.parametrize(
    ("host", "there"),
    [
        ("host.docker.internal", "db"),
        # Where a server listens, which in its container has to be everywhere.
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("[::]", "[::]"),
    ],
)
def test_a_container_is_not_sent_to_this_machines_port(shop, host, there):
    shop.declare(
        "[tool.portconf.services]\ndb = {container-port = 5432}\n"
        f'[tool.portconf.env]\nU = "pg://{host}:{{db}}/x"\n'
    )
    shop.init()

    told = shop.run("export", "--format", "compose-network").out
    assert f"pg://{there}:5432/x" in told


def test_a_variable_stays_where_a_file_that_may_hand_it_on_is_not_read(shop):
    (shop.root / "pyproject.toml").unlink()  # a plain list takes no keys
    text = "include: [../common.yaml]\n" + COMPOSE.replace("db:", "pg:").replace(
        "5432:5", "${PG_PORT:-5432}:5"
    )
    (shop.root / "compose.yaml").write_text(text)
    (shop.root / ".env").write_text("PG_PORT=5432\n")

    shop.run("adopt", "--write")

    assert (shop.root / ".env").read_text() == "PG_PORT=5432\n"
    assert (
        "${PG_HOST_PORT:?run portconf init}:5432"
        in (shop.root / "compose.yaml").read_text()
    )


def test_an_override_that_git_brought_is_found_before_init_too(overridden):
    overridden.run("release", "--checkout", str(overridden.root))

    done = overridden.run("check")

    assert done.code == 1
    assert "compose.portconf.yaml" in done.err
