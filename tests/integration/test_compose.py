"""Docker Compose reads what we write for it, and publishes what we read."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import readers
import views
from checkouts import PLAN, declaration
from commandline import run
from hypothesis import HealthCheck, given, settings, strategies as st

from portconf.compose import GENERATED, findings, reading
from portconf.declaration import parse


pytestmark = [readers.needs_compose, pytest.mark.external]
TABLE = """\
web = "Shop front"
postgres = { purpose = "A # 'database' \\"of $HOME {x}", container-port = 5432 }
redis = { container-port = 6379 }
dns = { protocol = "udp", container-port = 53 }

[tool.portconf.env]
DATABASE_URL = "postgresql://a@127.0.0.1:{postgres}/a b #c $HOME \\"%"
"""
STACK = """\
include: [more/dns.yaml]
x-ports: &ports
  - "${REDIS_PORT:-6379}:6379"
services:
  base:
    image: postgres
    ports:
      - 127.0.0.1:${POSTGRES_PORT:-5432}:5432
      - 6000
      - "[::1]:99:99/udp"
      - {target: 77, published: "78", app_protocol: 'a"b: #\\'' , x-c: d}
  second: {extends: base, profiles: [never], ports: !override ["5:5"]}
  redis: {image: redis, ports: *ports}
  web: {build: ., ports: ["${WEB_PORT:-1}:${WEB_PORT:-1}"]}
  other: {image: x, ports: ["5555:5555"]}
""".replace("\\'", "''")
DNS = "services: {dns: {image: dns, ports: ['53:53/udp']}}"


@pytest.fixture
def stack(shop, base):
    shop.git("rm", "-q", PLAN)
    shop.declare(declaration(base, table=TABLE))
    (shop.root / "more").mkdir()
    (shop.root / "more/dns.yaml").write_text(DNS, encoding="utf-8")
    (shop.root / "compose.yaml").write_text(STACK, encoding="utf-8")
    shop.git("add", ".")
    shop.git("commit", "-qm", "stack")
    return shop


def published(folder: Path, *words: str | Path) -> dict[str, set[tuple[Any, ...]]]:
    """Return what Compose publishes, by service."""
    return {
        name: {
            (e.get("host_ip"), e.get("published"), e["target"], e["protocol"])
            for e in service.get("ports", [])  # type: ignore[attr-defined]
        }
        for name, service in readers.compose_config(folder, *words).items()
    }


def exported(checkout: Any) -> None:
    checkout.init()
    done = checkout.run(
        "export", "--format", "compose-override", "--output", str(checkout.root)
    )
    assert done.code == 0, done


NO_ENV = ("--env-file", os.devnull, "--profile", "*")
MERGED = (*NO_ENV, "-f", "compose.yaml", "-f", GENERATED)


def test_the_override_publishes_exactly_the_effective_ports(stack):
    tree = stack.worktree("../shop-fix")

    for checkout in (stack, tree):
        exported(checkout)
        ports = {name: str(port) for name, port in checkout.ports().items()}
        loopback = "127.0.0.1"

        assert published(checkout.root, *MERGED) == {
            "base": {
                (loopback, ports["POSTGRES_PORT"], 5432, "tcp"),
                (None, None, 6000, "tcp"),
                ("::1", "99", 99, "udp"),
                (None, "78", 77, "tcp"),
            },
            "second": {(None, "5", 5, "tcp")},
            "redis": {(loopback, ports["REDIS_PORT"], 6379, "tcp")},
            "web": {(loopback, ports["WEB_PORT"], int(ports["WEB_PORT"]), "tcp")},
            "dns": {(loopback, ports["DNS_PORT"], 53, "udp")},
            "other": {(None, "5555", 5555, "tcp")},
        }
    assert stack.ports() != tree.ports()


def test_a_kept_entry_loses_nothing(stack):
    exported(stack)

    def entry(*words: str) -> Any:
        ports: Any = readers.compose_config(stack.root, *words)["base"]["ports"]
        return next(each for each in ports if each["target"] == 77)

    assert entry(*MERGED) == entry(*NO_ENV) | {"published": "78"}
    assert entry(*MERGED)["app_protocol"] == "a\"b: #'"


def test_a_shifted_checkout_is_a_project_of_its_own_without_an_env_file(stack):
    tree = stack.worktree("../shop-fix")
    names = []

    for checkout in (stack, tree):
        exported(checkout)
        program = readers.compose_program()
        assert program
        text = readers.answer(program, *MERGED, "config", folder=checkout.root)
        names.append(text.split("\n", 1)[0])

    instance = tree.lease()["instance"]
    assert names == ["name: shop", f"name: shop-fix-{instance}"]


def test_a_container_gets_the_view_of_its_network(stack):
    stack.init()
    done = stack.run(
        "export", "--format", "compose-network", "--output", str(stack.root)
    )
    assert done.code == 0, done
    compose = "services: {a: {image: x, env_file: [portconf.network.env]}}"
    folder = stack.root / "app"
    folder.mkdir()
    (folder / "compose.yaml").write_text(compose, encoding="utf-8")
    (stack.root / "portconf.network.env").rename(folder / "portconf.network.env")

    environment: Any = readers.compose_config(folder)["a"]["environment"]

    assert {name: value.replace("$$", "$") for name, value in environment.items()} == {
        "WEB_PORT": str(stack.port("web")),
        "POSTGRES_PORT": "5432",
        "REDIS_PORT": "6379",
        "DNS_PORT": "53",
        "DATABASE_URL": 'postgresql://a@base:5432/a b #c $HOME "%',
        "PORTCONF_INSTANCE": "0",
    }


HOSTILE = st.text("'\"\\$`{}[]#:,&*!|>%@- \t\r\n\x07\x85\u2028\ufeffaé🐘", max_size=12)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.differing_executors],
)
@given(value=HOSTILE)
def test_every_text_of_a_kept_entry_is_read_back_or_refused(value, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    escaped = "".join(f"\\U{ord(each):08x}" for each in value.replace("$", "$$"))
    text = textwrap.dedent(f"""\
        services:
          a:
            image: x
            ports:
              - "${{WEB_PORT:-1}}:80"
              - {{target: 90, published: "91", name: "{escaped}"}}
    """)
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    given_ = views.view(views.endpoint("web", 4000), present={"compose.yaml": text})
    (folder / GENERATED).write_text(
        views.text("compose-override", given_), encoding="utf-8"
    )

    before: Any = readers.compose_config(folder)["a"]["ports"]
    after: Any = readers.compose_config(folder, *MERGED)["a"]["ports"]

    assert after[1] == before[1]
    assert after[1].get("name", "").replace("$$", "$") == value


FORMS = [
    "services: {a: {image: x, ports: [6000, 22:22, '0.0.0.0:80:81', 53:53/udp]}}",
    "services: {a: {image: x, ports: ['[::1]:80:80', '::1:82:82', '127.0.0.1::83', ':84']}}",
    "services: {a: {image: x, ports: [{target: 80, published: '81', host_ip: '::1'}]}}",
    "services: {a: {image: x, ports: [{target: 80, mode: host}, {target: 81}]}}",
    "services: {a: {image: x, ports: &p ['1:1']}, b: {image: y, ports: *p}}",
    "services: {a: &a {image: x, ports: ['1:1']}, b: {<<: *a}, c: {<<: *a, ports: ['2:2']}}",
    "services: {a: {image: x, ports: ['1:1']}, b: {extends: a, ports: ['2:2']}}",
    "services: {a: {image: x, ports: ['1:1']}, b: {extends: a, ports: !override ['2:2']}}",
    "services: {a: {image: x, ports: ['1:1']}, b: {extends: a, ports: !reset []}}",
    "services: {a: {extends: {file: more/base.yaml, service: deep}}}",
    "include: [more/inner.yaml]\nservices: {a: {image: x, ports: ['1:1']}}",
    "include: [{path: [more/base.yaml, more/inner.yaml]}]",
    "services: {a: {image: x, ports: ['1:1']}}\n---\nservices: {a: {ports: ['2:2']}}",
    "services:\r\n  a:\r\n    image: x\t# tab\r\n    ports:\t# tab\r\n    - 1:1\r\n",
    "\ufeffservices: {a: {image: x, ports: ['1:1']}}",
    "services: {a: {image: x, profiles: [p], ports: ['1:1']}}",
]
MORE = {
    "more/base.yaml": "services: {deep: {extends: {file: top.yaml, service: t}, ports: ['7:7']}}",
    "more/top.yaml": "services: {t: {image: x, ports: ['8:8']}}",
    "more/inner.yaml": "services: {deep: {image: x, ports: ['9:9']}}",
}
OVER = "services: {a: {ports: ['3:3']}}"


@pytest.mark.parametrize(
    "over", [None, OVER, OVER.replace("ports:", "ports: !override")]
)
@pytest.mark.parametrize("text", FORMS)
def test_what_is_read_is_what_compose_publishes(text, over, tmp_path):
    files = {"compose.yaml": text, **MORE}
    if over and "a:" in text:
        files["compose.override.yaml"] = over
    for name, each in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(each.encode())

    stack = reading.read(files)

    found: dict[str, set[tuple[Any, ...]]] = {name: set() for name in stack.services}
    for e in stack.ports:
        port = (e.host_ip or None, e.published or None, int(e.target), e.protocol)
        found[e.service].add(port)
    assert stack.unread == ()
    assert found == published(tmp_path, "--profile", "*")


IN_A_FOLDER = {
    "docker/compose.yaml": """\
include: [more/inner.yaml]
services:
  a: {extends: {file: base.yaml, service: s}}
  b:
    extends: {file: ../common/base.yaml, service: s}
    environment: {NULL_PORT: , SET_PORT: "1"}
    env_file: [x.env, {path: ../x.env}, {path: gone.env, required: false}]
""",
    "docker/base.yaml": "services: {s: {image: x, ports: ['1:1'], env_file: b.env}}",
    "docker/more/inner.yaml": "services: {c: {image: x, ports: ['2:2'], env_file: i.env}}",
    "common/base.yaml": """\
services:
  s:
    build: {context: ., args: [ARG_PORT, SET_PORT=2]}
    ports: ['3:3']
    environment: [BARE_PORT]
    env_file: c.env
""",
    "base.yaml": "services: {s: {image: x, ports: ['9:9']}}",
}
IN_ENV_FILES = ("docker/x", "x", "docker/b", "docker/more/i", "common/c", "b", "i", "c")


def test_a_file_in_a_folder_is_read_as_compose_reads_it(tmp_path):
    for name, text in IN_A_FOLDER.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in IN_ENV_FILES:
        text = f"IN_{name.replace('/', '_').upper()}=1\n"
        (tmp_path / f"{name}.env").write_text(text, encoding="utf-8")
    words = ("-f", "docker/compose.yaml")
    handed = dict.fromkeys(("NULL_PORT", "ARG_PORT", "BARE_PORT", "SET_PORT"), "77")
    program = readers.compose_program()
    assert program

    stack = reading.read(IN_A_FOLDER, "docker/compose.yaml")
    text = readers.answer(
        program, *words, "config", "--format", "json", folder=tmp_path, **handed
    )

    found = {
        e.service: {(None, e.published, int(e.target), "tcp")} for e in stack.ports
    }
    resolved = json.loads(text)["services"]
    for name, service in resolved.items():
        build = (service.get("build") or {}).get("args") or {}
        inside = {**build, **(service.get("environment") or {})}
        files = [each.removesuffix(".env") for each in stack.env_files[name]]
        named = {f"IN_{each.replace('/', '_').upper()}" for each in files}
        passed = {each for each, value in {**build, **inside}.items() if value == "77"}
        assert passed == set(stack.passed[name])
        assert named - {"IN_DOCKER_GONE"} == {e for e in inside if e.startswith("IN_")}
    assert stack.unread == ()
    assert found == published(tmp_path, *words)


CHOSEN = [
    '"${WEB_PORT}:80"',
    '"127.0.0.1:$WEB_PORT:80"',
    "{target: 80, published: '${WEB_PORT}'}",
    '"${OTHER:-${WEB_PORT}}:80"',
    '"${WEB_PORT:-}:80"',
    '"${OTHER:-}:80"',
    '"${OTHER-0}:80"',
    '"0:80"',
    "{target: 80, published: 0}",
]


@pytest.mark.parametrize("entry", CHOSEN)
def test_a_port_that_is_chosen_by_docker_is_none_for_compose(entry, tmp_path):
    text = f"services: {{a: {{image: x, ports: [{entry}]}}}}"
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    web = parse('[project]\nname = "x"\n[tool.portconf]\nservices = ["web"]\n')
    program = readers.compose_program()
    assert web
    assert program

    told = findings.of_stack(
        reading.read({"compose.yaml": text}), web, {}, overridden=False
    )
    done = subprocess.run(
        [program, "config", "--format", "json"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
        capture_output=True,
        timeout=60,
        check=True,
    )

    (port,) = json.loads(done.stdout)["services"]["a"]["ports"]
    assert port.get("published") in (None, "0")
    random = "WEB_PORT" in entry and "WEB_PORT:-" not in entry
    assert [("random port" in each) for each in told] == [True] * random


def test_what_has_an_address_of_its_own_keeps_it_in_the_override(tmp_path):
    text = (
        'services: {postgres: {image: x, ports: ["127.0.0.1:5432:5432",'
        ' "[::1]:15432:5432", "127.0.0.1:5432:5432/tcp"]}}'
    )
    endpoint = views.endpoint("postgres", 4001, container_port=5432)
    written = views.text(
        "compose-override", views.view(endpoint, present={"compose.yaml": text})
    )
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    (tmp_path / GENERATED).write_text(written, encoding="utf-8")

    assert len(published(tmp_path)["postgres"]) == 2
    assert published(tmp_path, *MERGED) == {
        "postgres": {
            ("127.0.0.1", "4001", 5432, "tcp"),
            ("::1", "4001", 5432, "tcp"),
        }
    }


@pytest.mark.parametrize("there", [True, False])
def test_check_does_not_follow_the_files_that_an_env_file_names(stack, there):
    stack.init()
    env = stack.root / ".env"
    env.write_bytes(b"A=1\xff\n  export COMPOSE_FILE = x.yaml\n" + env.read_bytes())
    (stack.root / "compose.yaml").unlink()
    if there:
        (stack.root / "compose.yaml").write_text(
            "services: {a: {image: x}}", encoding="utf-8"
        )

    done = stack.run("check")

    assert done.code == 0
    assert done.err.splitlines()[0] == (
        "portconf: not checked: .env:2: COMPOSE_FILE names what Compose reads, and is not"
        " followed here"
    )


@pytest.mark.parametrize(
    "text",
    [
        "services: {a: {image: x, image: y}}",
        "services: {a: [x]}",
        "services: [a]",
        "a: &a {b: *a}",
        "web: {image: x}",
        "- a",
        "",
        "services: {a: {image: x, ports: [web]}}",
        "services: {a: {extends: b}, b: {extends: a}}",
        "include: [compose.yaml]\nservices: {}",
        "include: [nowhere.yaml]",
    ],
)
def test_what_compose_refuses_is_told(text, tmp_path):
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(AssertionError):
        readers.compose_config(tmp_path)

    assert reading.read({"compose.yaml": text}).unread


def test_check_finds_them_and_takes_no_lease(stack):
    stack.run("init", "--dry-run")
    stack.run("init")
    assert stack.run("release", "--checkout", str(stack.root)).code == 0
    for name in (".env", ".env.compose", "port_exports.sh"):
        (stack.root / name).unlink(missing_ok=True)
    (stack.root / "compose.yaml").write_text(
        "services:\n  a:\n    image: x\n    ports:\n    - 80:80\n    - ${ALL}\n",
        encoding="utf-8",
    )

    done = stack.run("check")

    assert done.code == 1
    assert done.err.splitlines() == [
        (
            "portconf: not checked: compose.yaml:6: ports of 'a': its entry is a variable as"
            " a whole, which may publish any port"
        ),
        (
            "portconf: compose.yaml:5: 'a' publishes the host port 80, which no declared"
            " service has: declare one (with port = 80 if it must not move), and write its"
            " variable there"
        ),
    ]
    assert stack.lease() is None


def test_check_without_a_compose_file_reads_no_yaml(sample):
    assert run("init", at=sample.root).code == 0
    script = (
        "import sys; from portconf.cli import main; code = main(['check']);"
        " print(code, [x for x in sys.modules if 'ruamel' in x or 'compose.' in x])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=sample.root,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert done.stdout == "0 []\n", done.stderr


def test_the_example_of_a_shop_has_nothing_to_find():
    example = Path(__file__).parents[2] / "examples" / "shop"
    text = (example / "compose.yaml").read_text(encoding="utf-8")
    declared = parse((example / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared

    stack = reading.read({"compose.yaml": text})

    assert stack.unread == ()
    assert len(stack.ports) == 2
    assert findings.of_stack(stack, declared, {}, overridden=False) == ()
