"""adopt and check on what the development set-ups of well-known projects have."""

import pytest

from portconf import originals
from portconf.folder import Folder


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


def test_a_folder_that_cannot_be_listed_holds_nothing(tmp_path):
    # Not by its mode, which root does not mind.
    folder = Folder(root=str(tmp_path / "none"), fence=str(tmp_path), git_dir=None)

    assert [*originals.shallow(folder)] == []


def test_a_link_to_what_was_read_is_not_offered(shop):
    (shop.root / "compose.yaml").write_text(COMPOSE)
    (shop.root / "docker").mkdir()
    (shop.root / "docker/compose.yaml").symlink_to("../compose.yaml")

    assert "is not read" not in shop.run("adopt").err


def test_an_empty_override_hands_nothing_on(shop):
    text = COMPOSE.replace("'5432:", "'${DB_PORT:-5432}:")
    (shop.root / "compose.yaml").write_text(text)
    (shop.root / "compose.override.yaml").write_text("# services: {}\n")
    (shop.root / ".env").write_text("DB_PORT=5432\n")

    shop.run("adopt", "--write")

    assert (shop.root / ".env").read_text() == ""


def test_an_env_file_of_ours_has_no_second_value(shop):
    (shop.root / "pyproject.toml").write_text(
        "[tool.portconf]\ncompose-env = 'infra/.env'\nservices = ['db']\n"
    )
    (shop.root / "infra").mkdir()
    text = COMPOSE.replace("'5432:", "'${DB_PORT:?x}:")
    (shop.root / "infra/compose.yaml").write_text(text)
    shop.init()

    assert "take the line out" not in shop.run("adopt", "infra/compose.yaml").err


def test_what_compose_file_names_is_not_told_twice(shop):
    (shop.root / "pyproject.toml").write_text("[tool.portconf]\nservices = ['db']\n")
    (shop.root / "docker-compose.dev.yml").write_text(COMPOSE)
    (shop.root / ".env").write_text("COMPOSE_FILE=docker-compose.dev.yml\n")
    shop.init()

    assert "by itself" not in shop.run("check").err


def test_check_tells_how_many_more_compose_files_there_are(shop):
    (shop.root / "pyproject.toml").write_text("[tool.portconf]\nservices = ['db']\n")
    for number in range(7):
        (shop.root / f"compose.{number}.yml").write_text(COMPOSE)
    shop.init()

    assert "not checked: 2 more such files" in shop.run("check").err


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


def test_a_variable_without_a_stem_is_not_said_to_be_elsewhere(shop):
    (shop.root / ".env").write_text("PORT=3000\n")

    assert "PORT is 3000, and its name does not say whose" in shop.run("adopt").err


@pytest.mark.parametrize(
    "volume",
    [
        "'./.env:/app/.env:ro'",
        "'.env:/app/.env'",
        "{type: bind, source: .env, target: /app/.env}",
    ],
)
def test_an_env_file_that_is_mounted_is_one_that_containers_get(shop, volume):
    text = COMPOSE + f"  api: {{build: ., volumes: [{volume}]}}\n"
    (shop.root / "compose.yaml").write_text(text)
    (shop.root / ".env").write_text("DB_PORT=5432\n")

    shop.run("adopt", "--write")

    assert (shop.root / ".env").read_text() == "DB_PORT=5432\n"
