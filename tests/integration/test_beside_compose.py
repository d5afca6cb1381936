"""What the ports of a project become beside the Compose file itself."""

import re

import pytest
from checkouts import PLAN, declaration

from portconf.adopt import envfile, procfile, python_source
from portconf.compose import GENERATED, NETWORK, findings, reading
from portconf.model import Service
from portconf.settings import Settings


COMPOSE = "services:\n  db:\n    image: postgres\n    ports: ['5432:5432']\n"


def test_an_override_of_older_ports_is_found(shop, base):
    (shop.root / "compose.yaml").write_text("services: {db: {ports: ['5432:5432']}}\n")
    shop.declare(declaration(base, table="db = {container-port = 5432}"))
    shop.git("rm", "-q", PLAN)
    shop.init()
    shop.run("export", "--format", "compose-override", "--output", str(shop.root))
    assert shop.run("check").code == 0
    shop.run("init", "--relocate")

    done = shop.run("check")

    assert done.code == 1
    assert "compose.portconf.yaml is not what" in done.err + done.out


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


def test_a_port_behind_this_machines_name_is_told():
    data = b"BROKERS=localhost:9092\nDSN=root:x@tcp(localhost:3306)/app\n"
    code = b"os.environ.get('REDIS_URL', 'redis://localhost:6379/0')"

    told = [each.text for each in envfile.read(".env", data).notes]
    told += [each.text for each in python_source.read("a.py", code).notes]

    assert [
        word in text for word, text in zip(("9092", "3306", "6379"), told, strict=True)
    ] == [True] * 3


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("python manage.py runserver 0.0.0.0:8010", 8010),
        ("python manage.py runserver 8010", 8010),
        ("python -m http.server 8010", 8010),
        ("php -S localhost:8010", 8010),
        ("ssh -N -p 2222 bastion", None),
        ("psql -h db.example.com -p 5433", None),
    ],
)
def test_a_process_that_serves_is_known_from_one_that_calls(command, number):
    found = procfile.read("Procfile", f"web: {command}\n")

    assert [each.number for each in found.mentions] == ([number] if number else [])


def test_the_next_port_is_nobodys():
    stack = reading.read(
        {"compose.yaml": COMPOSE.replace("5432:5", "${NEXT_PORT:?x}:5")}
    )
    settings = Settings(services=(Service(name="web"),))

    assert findings.of_stack(stack, settings, {"web": 4000}, overridden=False)


def test_docker_chooses_port_zero(shop):
    (shop.root / "compose.yaml").write_text(COMPOSE.replace("5432:", "0:"))

    assert "Docker chooses the port of 'db'" in shop.run("adopt").err


@pytest.mark.parametrize("host", ["host.docker.internal", "[::]"])
def test_a_container_is_not_sent_to_this_machines_port(shop, host):
    shop.declare(
        "[tool.portconf.services]\ndb = {container-port = 5432}\n"
        f'[tool.portconf.env]\nU = "pg://{host}:{{db}}/x"\n'
    )
    shop.init()

    assert "U=pg://db:5432/x\n" in shop.run("export", "--format", "compose-network").out


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


def test_an_override_that_git_brought_is_found_before_init_too(shop, base):
    (shop.root / "compose.yaml").write_text("services: {db: {ports: ['5432:5432']}}\n")
    shop.declare(declaration(base, table="db = {container-port = 5432}"))
    shop.git("rm", "-q", PLAN)
    shop.init()
    shop.run("export", "--format", "compose-override", "--output", str(shop.root))
    shop.run("release", "--checkout", str(shop.root))

    done = shop.run("check")

    assert done.code == 1
    assert "compose.portconf.yaml" in done.err
