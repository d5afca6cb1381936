"""`adopt` on small projects with a trap each: what is declared, and that it is stable."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from commandline import run, state


POSTGRES = "services:\n  db:\n    image: postgres\n    ports: ['5432:5432']\n"
DB = 'db = {purpose = "PostgreSQL Database", container-port = 5432}\n'
HOST_DB = DB.replace("container", 'env = "DB_HOST_PORT", container')
SERVICES = "[tool.portconf.services]\n"
VARIABLES = "\n[tool.portconf.env]\n"


def stack(**services: str) -> str:
    """Return a Compose file with the ports of each service."""
    entries = (f"  {k}:\n    image: x\n    ports: [{v}]\n" for k, v in services.items())
    return "services:\n" + "".join(entries)


@dataclass(frozen=True, kw_only=True)
class Case:
    """
    A project, and what becomes of it.

    Attributes:
        files: Its files; `src/a.py` is read only where `src` is named.
        declared: What is in `pyproject.toml` then, without the first line.
        left: What is left in `.env`.
        told: Parts of what is told.
        hidden: What is never told.
    """

    files: dict[str, str]
    declared: str
    left: str = ""
    told: tuple[str, ...] = ()
    hidden: str = "\0"


CASES = {
    "several variables of one server": Case(
        files={
            "compose.yaml": POSTGRES,
            ".env": "TEST_DB_PORT=5432\nPOSTGRES_PORT=5432\nDB_PORT=5432\n",
            "src/a.py": "import os\nos.getenv('OTHER_DB_PORT', 5432)\n",
        },
        declared=DB
        + VARIABLES
        + 'TEST_DB_PORT = "{db}"\nPOSTGRES_PORT = "{db}"\nOTHER_DB_PORT = "{db}"\n',
        told=(".env:1: TEST_DB_PORT is 5432, the port of 'db'",),
    ),
    "another number on this machine": Case(
        files={
            "compose.yaml": POSTGRES.replace("5432:", "15432:"),
            ".env": "POSTGRES_PORT=15432\n",
            "src/a.py": "import os\nos.getenv('DB_PORT', 15432)\n",
        },
        declared=DB + VARIABLES + 'POSTGRES_PORT = "{db}"\n',
    ),
    "the variable of a server elsewhere": Case(
        files={
            "compose.yaml": POSTGRES,
            ".env": "RDS_ENDPOINT=x.rds.example.com\nRDS_PORT=5432\n",
        },
        declared=DB,
        left="RDS_ENDPOINT=x.rds.example.com\nRDS_PORT=5432\n",
        told=("RDS_PORT is the port of a server elsewhere, as RDS_ENDPOINT says",),
    ),
    "a default variable that is elsewhere": Case(
        files={
            "compose.yaml": POSTGRES,
            ".env": "DB_HOST=prod.example.com\n",
            "src/a.py": "import os\nos.getenv('DB_PORT', 5432)\n",
        },
        declared=HOST_DB,
        left="DB_HOST=prod.example.com\n",
        told=("src/a.py:2: DB_PORT is the port of a server elsewhere",),
    ),
    "an address as a port": Case(
        files={
            "compose.yaml": stack(db="'${DB_PORT}:5432', '${MANY}:9000-9002'"),
            ".env": "DB_PORT=127.0.0.1:5432\nMANY=9000-9002\n",
        },
        declared="",
        left="DB_PORT=127.0.0.1:5432\nMANY=9000-9002\n",
        told=("compose.yaml:4: DB_PORT is not only a port in .env",),
        hidden="127.0.0.1",
    ),
    "a port that is a device": Case(
        files={
            "compose.yaml": stack(serial="'5000:5000'"),
            ".env": "SERIAL_PORT=/dev/ttyUSB0\nPORT_CLIENT_SECRET=hush\n",
        },
        declared='serial = {env = "SERIAL_HOST_PORT", container-port = 5000}\n',
        left="SERIAL_PORT=/dev/ttyUSB0\nPORT_CLIENT_SECRET=hush\n",
        hidden="hush",
    ),
    "one variable with two defaults": Case(
        files={
            "compose.yaml": stack(a="'${PORT:-8080}:80'", b="'${PORT:-9090}:90'"),
        },
        declared="",
        told=("PORT has several defaults, a port each",),
    ),
    "one number of two servers": Case(
        files={
            "compose.yaml": stack(a="'5432:1'", b="'5432:2'", c="'80:80'"),
            ".env": "X_PORT=5432\n",
        },
        declared="c = {container-port = 80}\n",
        left="X_PORT=5432\n",
        told=("5432 is also X_PORT, which may be the port of 'a' or 'b'",),
    ),
    "names that end in a number": Case(
        files={
            "compose.yaml": stack(
                **{"postgres": "'5432:5432'", "postgres-9": "'5433:5432'"}
            )
        },
        declared="postgres = {container-port = 5432}\n"
        "postgres-9 = {container-port = 5432}\n",
    ),
    "names that are portconf's": Case(
        files={"compose.yaml": stack(**{"portconf-x": "'1:1'", "base": "'2:2'"})},
        declared="app-portconf-x = {container-port = 1}\n"
        "app-base = {container-port = 2}\n",
    ),
    "a value of several lines": Case(
        files={
            "compose.yaml": POSTGRES,
            ".env": 'KEY="a\nDB_PORT=1\nb"\nDB_PORT=5432\n',
        },
        declared=HOST_DB,
        left='KEY="a\nDB_PORT=1\nb"\nDB_PORT=5432\n',
        told=("DB_PORT also stands inside of a value of several lines",),
    ),
    "a broker": Case(
        files={
            "Procfile": "worker: celery -b redis://localhost:6379/0\n"
            "web: gunicorn -b :8000 app\n",
            ".env": "SITE_PORT=8000\n",
        },
        declared='web = ""\n' + VARIABLES + 'SITE_PORT = "{web}"\n',
    ),
    "a bare variable": Case(
        files={"compose.yaml": stack(db="'${DB_PORT}:5432'"), ".env": "DB_PORT=5432\n"},
        declared="db = {container-port = 5432}\n",
    ),
    "a variable that no server has": Case(
        files={
            ".env": "QUEUE_PORT=5672\nSMTP_PORT=587\nPORT=8000\nWORKERS=4096\n",
            "src/a.py": "import os\nos.environ['QUEUE_PORT']\n",
        },
        declared='queue = ""\n',
        left="SMTP_PORT=587\nPORT=8000\nWORKERS=4096\n",
        told=(".env:1: QUEUE_PORT=5672 is portconf's now",),
    ),
    "one server with several ports": Case(
        files={"compose.yaml": stack(web="'7001:80', '7002:80', '7003:443'")},
        declared="web = {container-port = 80}\nweb-80 = {container-port = 80}\n"
        "web-443 = {container-port = 443}\n",
    ),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def project(case: Case, root: Path) -> Path:
    """Write the files of a case."""
    for name, text in {"src/b.py": "", **case.files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def contents(root: Path) -> dict[str, bytes]:
    """Return what the files hold, not when they were written."""
    return {
        name: data for name, (_, data) in state(root).items() if ".lock" not in name
    }


@each_case
def test_what_becomes_of_a_project(case, tmp_path):
    shop = project(case, tmp_path / "shop")
    usual = run("adopt", "--write", at=shop)
    named = run("adopt", "src", "--write", at=shop)

    assert (usual.code, named.code) == (0, 0)
    declared = shop / "pyproject.toml"
    text = declared.read_text() if declared.exists() else SERVICES
    assert text == SERVICES + case.declared
    env = shop / ".env"
    assert (env.read_text() if env.exists() else "") == case.left
    said = usual.err + named.err
    assert [each for each in case.told if each not in said] == []
    assert case.hidden not in said
    assert run("init", at=shop).code == (0 if case.declared else 2)


@each_case
def test_a_second_adoption_changes_nothing_even_after_init(case, tmp_path):
    shop = project(case, tmp_path / "shop")
    run("adopt", "--write", at=shop)
    run("adopt", "src", "--write", at=shop)
    once = state(shop)
    run("adopt", "--write", at=shop)
    run("adopt", "src", "--write", at=shop)
    assert state(shop) == once
    run("init", at=shop)
    before = state(shop)

    run("adopt", "--write", at=shop)
    run("adopt", "src", "--write", at=shop)

    assert state(shop) == before


@each_case
def test_one_file_after_another_is_the_same_as_all_at_once(case, tmp_path):
    one = project(case, tmp_path / "one" / "shop")
    run("adopt", "--write", at=one)
    run("adopt", "src", "--write", at=one)
    two = project(case, tmp_path / "two" / "shop")
    files = [each for each in case.files if each != "src/a.py"]

    run("adopt", "--write", *files, "src", at=two)

    assert contents(one) == contents(two)


def test_an_entry_that_is_added_later_is_another_service(tmp_path):
    shop = project(CASES["one server with several ports"], tmp_path / "shop")
    run("adopt", "--write", at=shop)
    compose = shop / "compose.yaml"
    compose.write_text(compose.read_text().replace("[", "['7000:80', "))

    run("adopt", "--write", at=shop)

    declared = (shop / "pyproject.toml").read_text()
    assert declared.endswith("web-80-2 = {container-port = 80}\n")
    assert "'${WEB_80_2_PORT:?run portconf init}:80'" in compose.read_text()


@pytest.mark.parametrize("ports", ["[{}]", "['{}']"])
def test_a_large_stack_is_adopted_in_one_go(tmp_path, ports):
    entries = (
        f"  s{n}:\n    ports: {ports.format(f'{8000 + n}:80')}\n" for n in range(200)
    )
    lines = (f"X{n}_PORT={8000 + n}\n" for n in range(200))
    files = {"compose.yaml": "services:\n" + "".join(entries), ".env": "".join(lines)}
    shop = project(Case(files=files, declared=""), tmp_path / "shop")

    done = run("adopt", "--write", at=shop)

    assert done.code == 0
    declared = (shop / "pyproject.toml").read_text()
    assert declared.count("container-port = 80") == 200
    assert declared.count('_PORT = "{s') == 200
    assert (shop / ".env").read_text() == ""
