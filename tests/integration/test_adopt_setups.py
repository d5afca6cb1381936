"""adopt and check on what the development set-ups of well-known projects have."""

import pytest

from portconf.adopt import envfile, hosts, procfile
from portconf.compose import findings, reading
from portconf.model import Service
from portconf.settings import Settings


COMPOSE = "services:\n  db:\n    image: postgres\n    ports: ['5432:5432']\n"


@pytest.fixture(autouse=True)
def _undeclared(shop):
    (shop.root / "pyproject.toml").unlink()


def test_an_env_file_by_a_variable_with_a_default_is_one_that_containers_get(shop):
    text = COMPOSE + "  api: {build: ., env_file: ['${ENV_FILE_PATH:-.env}']}\n"
    (shop.root / "compose.yaml").write_text(text)
    (shop.root / ".env").write_text("DB_PORT=5432\n")

    shop.run("adopt", "--write")

    assert (shop.root / ".env").read_text() == "DB_PORT=5432\n"


def test_a_port_that_a_container_tells_others_is_told(shop):
    text = (
        COMPOSE + "    environment:\n      - ADVERTISED=A://db:1,B://localhost:5432\n"
    )
    (shop.root / "compose.yaml").write_text(text)

    assert "compose.yaml:6: 5432 here is the port of 'db'" in shop.run("adopt").err


def test_a_variable_that_stays_is_told_to_lead_nowhere(shop):
    text = COMPOSE + "  api: {build: ., environment: ['P=${POSTGRES_PORT}']}\n"
    (shop.root / "compose.yaml").write_text(text)
    (shop.root / ".env").write_text("POSTGRES_SERVER=localhost\nPOSTGRES_PORT=5432\n")

    assert "on this machine 'db' gets another port" in shop.run("adopt").err


@pytest.mark.parametrize(
    "value",
    ["http://meilisearch:7700", "https://a@sentry.io:9000/1", "smtp://mail.x.org:587"],
)
def test_the_port_of_another_host_is_no_template(value):
    assert hosts.port_beside(value) is None
    assert envfile.read(".env", f"A_URL={value}\n".encode()).notes == ()


@pytest.mark.parametrize("end", ["example", "sample", "template", "dist"])
def test_a_line_that_comes_back_with_a_copy_is_told(shop, end):
    (shop.root / "compose.yaml").write_text(COMPOSE)
    (shop.root / f".env.{end}").write_text("X=1\nDB_PORT=5432\n")

    assert f".env.{end}:2: DB_PORT comes back with each copy" in shop.run("adopt").err


def test_files_of_another_checkout_are_not_offered(shop):
    (shop.root / "compose.yaml").write_text(COMPOSE)
    (shop.root / "fix").mkdir()
    (shop.root / "fix/.git").write_text("gitdir: ../.git/worktrees/fix\n")
    (shop.root / "fix/compose.yaml").write_text(COMPOSE)

    assert "is not read" not in shop.run("adopt").err


def test_some_of_many_files_are_offered(shop):
    (shop.root / "Procfile.dev").write_text("web: rails s -p 3000\n")
    for number in range(20):
        (shop.root / f"p{number}").mkdir()
        (shop.root / f"p{number}/compose.yaml").write_text(COMPOSE)

    err = shop.run("adopt").err

    assert "portconf adopt Procfile.dev p0/compose.yaml" in err
    assert "and 16 more are not either" in err


def test_a_folder_that_cannot_be_listed_is_adopted_all_the_same(shop):
    (shop.root / "compose.yaml").write_text(COMPOSE)
    shop.root.chmod(0o311)
    try:
        done = shop.run("adopt")
    finally:
        shop.root.chmod(0o755)

    assert done.code == 0


def test_check_tells_of_compose_files_of_other_names(shop):
    (shop.root / "pyproject.toml").write_text("[tool.portconf]\nservices = ['db']\n")
    (shop.root / "docker-compose.dev.yml").write_text(COMPOSE)
    shop.init()

    assert "not checked: docker-compose.dev.yml" in shop.run("check").err


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (".env, portconf.network.env", False),
        ("portconf.network.env, .env", True),
        (".env, sub/portconf.network.env", False),
    ],
)
def test_the_network_file_helps_behind_ours(shop, listed, told):
    text = COMPOSE + f"  api: {{build: ., env_file: [{listed}]}}\n"
    (shop.root / "compose.yaml").write_text(text)

    assert ("'api' gets .env by env_file" in shop.run("adopt").err) == told


def test_all_that_get_our_env_file_are_told_in_one_line(shop):
    more = "".join(f"  s{n}: {{image: x, env_file: .env}}\n" for n in range(3))
    (shop.root / "compose.yaml").write_text(COMPOSE + more)

    assert "'s0', 's1', 's2' get .env by env_file" in shop.run("adopt").err


@pytest.mark.parametrize(
    "command",
    [
        "sudo ssh -N -p 2222 bastion",
        "env PGPASSWORD=x psql -p 5433",
        "PGPASSWORD=x psql -p 5433",
        "mongosh --port 27018",
        "mysqldump --port 3307",
        "rq worker -p 6380",
        "mkdir -p 2024 && npm run watch",
        "./wait-for-it.sh -p 5432",
    ],
)
def test_a_client_is_one_behind_other_words_too(command):
    assert procfile.read("Procfile", f"web: {command}\n").mentions == ()


@pytest.mark.parametrize("command", ["nc -l -p 9000", "pg_ctl start -p 9000"])
def test_a_server_of_a_clients_name_is_one(command):
    assert procfile.read("Procfile", f"web: {command}\n").mentions[0].number == 9000


def test_a_variable_without_a_stem_is_not_said_to_be_elsewhere(shop):
    (shop.root / ".env").write_text("PORT=3000\n")

    assert "PORT is 3000, and its name does not say whose" in shop.run("adopt").err


def test_a_range_is_not_to_be_declared():
    stack = reading.read({"compose.yaml": COMPOSE.replace("5432:", "1024-1030:")})
    settings = Settings(services=(Service(name="web"),))

    (told,) = findings.of_stack(stack, settings, {"web": 4000}, overridden=False)

    assert "write an entry for each" in told


def test_an_env_file_that_is_mounted_is_one_that_containers_get(shop):
    text = COMPOSE + "  api: {build: ., volumes: ['./.env:/app/.env:ro']}\n"
    (shop.root / "compose.yaml").write_text(text)
    (shop.root / ".env").write_text("DB_PORT=5432\n")

    shop.run("adopt", "--write")

    assert (shop.root / ".env").read_text() == "DB_PORT=5432\n"
