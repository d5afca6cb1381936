"""What portconf writes, read back by the programs that it is written for."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import views
from commandline import run
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from readers import (
    ENV_PARSERS,
    READERS,
    SHELLS,
    Reader,
    compose_config,
    needs_compose,
)

from portconf import declaration, exports, formats, plan as planning, variables
from portconf.settings import Settings


ROOT = "/home/you/my shop"

# What each reader would take for more than text if it were not quoted for it.
VALUES = (
    "postgresql://app@127.0.0.1:{postgres}/app?a=b&c#d",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "&& touch pwned | touch pwned > pwned < pwned",
    "$HOME $$ $1 $? $! $-",
    "$HOME",
    "$$",
    "$",
    "a;b",
    "{{a,b}}",
    "*",
    "%PATH% %s %",
    "!x !! ^x",
    "#x",
    "x#x",
    "x # x",
    'say "x" and ""',
    'x"; touch pwned; "x',
    "say \u2018x\u2019 and \u201cx\u201d",
    "~",
    "~/x:~/y",
    "=ls",
    "a:=ls",
    "* ? [a-z] {{a,b}} (x) @(x)",
    "-n",
    "export X=1",
    "X: y",
    "",
    "  x",
    "\tx\ty",
    "true",
    "null",
    "0x10",
    "\xfc \u2603 \U0001d11e e\u0301 \u202e \ufeff \xa0 \u3000x",
)
# These refuse values that the others carry; GitLab also a folder with a blank.
PICKY = {"github", "gitlab", "systemd", "tcsh"}
TABLE = [
    pytest.param(source, reader, marks=reader.marks, id=f"{source}-{reader.name}")
    for source, readers in READERS.items()
    for reader in readers
    if source != "gitlab"
]


@pytest.fixture
def make_shop(make_sample):
    """Make the reference project with variables V0, V1, ... of these values."""

    def make(*values: str):
        shop = make_sample(name="my shop")
        lines = [(shop.root / "pyproject.toml").read_text(), "[tool.portconf.env]"]
        lines += [
            f"V{number} = {json.dumps(value, ensure_ascii=False)}"
            for number, value in enumerate(values)
        ]
        shop.declare("\n".join(lines))
        shop.project.init()
        return shop

    return make


def _written(shop, source) -> Path:
    """Return the file of that name, or the printed format as a file."""
    file: Path = shop.root / source
    if source in formats.NAMES:
        printed = run("export", "--format", source, at=shop.root).out
        file.write_text(printed, encoding="utf-8")
    return file


def _params(readers: Iterable[Reader]):
    return [pytest.param(each, marks=each.marks, id=each.name) for each in readers]


@pytest.mark.external
@pytest.mark.parametrize(("source", "reader"), TABLE)
def test_what_is_written_is_read_back(source, reader, make_shop):
    shop = make_shop(
        *(x for x in VALUES if source not in PICKY or _carries(source, "X", x))
    )
    expected = shop.project.variables()

    found = reader.read(_written(shop, source), expected)

    assert found == expected


@pytest.mark.external
@pytest.mark.parametrize("reader", _params(ENV_PARSERS))
def test_a_section_with_windows_line_ends_is_read_back(reader, make_shop):
    shop = make_shop(*VALUES)
    file = shop.root / ".env"
    file.write_bytes(b"FIRST=1\r\n# mine\r\nLAST='2'")
    shop.project.export()
    expected = {"FIRST": "1", "LAST": "2", **shop.project.variables()}

    found = reader.read(file, expected)

    assert b"\n" not in file.read_bytes().replace(b"\r\n", b"")
    assert found == expected


@pytest.mark.external
@pytest.mark.parametrize("shell", _params(SHELLS))
def test_sourcing_again_unsets_what_was_released(shell, make_shop):
    shop = make_shop()
    script = shop.root / "port_exports.sh"
    (shop.root / "before.sh").write_bytes(script.read_bytes())
    shop.project.release("redis")
    both = shop.root / "both.sh"
    both.write_text(f". '{shop.root}/before.sh'\n. '{script}'\n")

    found = shell.read(both, ())

    assert "REDIS_PORT" not in found
    assert found == shop.project.variables()


COMPOSE_FILE = """\
services:
  postgres:
    image: postgres
    ports: ["${POSTGRES_PORT:?run portconf init}:5432"]
    environment:
      DATABASE_URL: ${V0}
"""


@pytest.mark.external
@needs_compose
@pytest.mark.parametrize("words", [("--env-file", ".env.compose"), ()])
def test_compose_publishes_the_assigned_port(words, make_shop):
    shop = make_shop("postgresql://db:{postgres}/app")
    (shop.root / "compose.yaml").write_text(COMPOSE_FILE)

    service = compose_config(shop.root, *words)["postgres"]

    published = {"mode": "ingress", "protocol": "tcp", "target": 5432}
    assert service["ports"] == [{**published, "published": "4001"}]
    assert service["environment"] == {"DATABASE_URL": "postgresql://db:4001/app"}


@pytest.mark.external
@needs_compose
def test_compose_says_what_to_run_where_the_port_is_missing(tmp_path):
    (tmp_path / "compose.yaml").write_text(COMPOSE_FILE)

    with pytest.raises(AssertionError, match="run portconf init"):
        compose_config(tmp_path)


def _refused(declared: dict[str, str]) -> tuple[Settings, set[str]]:
    """Return the settings, and the variables that the declaration does not get."""
    problems: list[str] = []
    found = declaration.from_dict({"services": ["web"], "env": declared}, problems)
    kept = {template.variable for template in found.templates}
    refused = declared.keys() - kept
    assert {each.split()[0].rstrip(":") for each in problems} == {
        f"tool.portconf.env.{name}" for name in refused
    }
    return found, refused


def _sources(expected: dict[str, str]) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Yield what is written for each reader, and what it is to read."""
    for target in exports.targets(Settings()):
        yield target.name, exports.content(target, None, expected), expected
    for name in READERS.keys() & formats.NAMES.keys():
        carried = {k: v for k, v in expected.items() if _carries(name, k, v)}
        assert name in PICKY or carried == expected
        text = views.text(name, views.view(variables=carried))
        yield name, text.encode(), carried


def _carries(name: str, variable: str, value: str) -> bool:
    try:
        views.text(name, views.view(variables={variable: value}))
    except ValueError:
        return False
    return True


SPECIAL = st.text(
    st.sampled_from("'\"`$(){}[]<>|&;#!*?~=:%^@,\\ \t\n\r\0\x1b\x7f\x85\u2028\u2019ab"),
    max_size=8,
)
TOKENS = st.lists(
    st.sampled_from(
        ["${HOME}", "${", "}", "$(touch pwned)", "\\", "'", '"', " #", "=ls"]
    ),
    max_size=4,
).map("".join)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


# One example holds many values: starting the programs is what takes the time. So it
# is not shrunk either; the difference of two dictionaries names the value.
@pytest.mark.external
@settings(
    max_examples=5,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(SPECIAL | TOKENS | PRINTABLE | UNICODE, min_size=80, max_size=80))
def test_a_value_is_refused_by_name_or_read_back_by_all(values):
    declared = {
        f"V{number}": value.replace("{", "{{").replace("}", "}}")
        for number, value in enumerate(values)
    }

    found, refused = _refused(declared)

    plan, _ = planning.extend(planning.begin(4000), found.services, last_port=4999)
    expected = variables.compute(plan, found, root=ROOT)
    for number, value in enumerate(values):
        name = f"V{number}"
        if name in refused:
            assert _has_what_parsers_differ_on(value)
        else:
            assert expected[name] == value
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "written")
        for source, data, carried in _sources(expected):
            file.write_bytes(data)
            for reader in READERS[source]:
                if not reader.missing:
                    assert _differences(reader, file, carried) == {}, (source, reader)


def _has_what_parsers_differ_on(value: str) -> bool:
    return "${" in value or any(
        each in "'\\" or (each != "\t" and not each.isprintable()) for each in value
    )


def _differences(
    reader: Reader, file: Path, expected: dict[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    found = reader.read(file, expected)
    return {
        name: (expected.get(name), found.get(name))
        for name in expected.keys() | found.keys()
        if expected.get(name) != found.get(name)
    }


@pytest.mark.parametrize(
    "name", ["UID", "PPID", "SHELLOPTS", "RANDOM", "SECONDS", "SHLVL", "_"]
)
def test_a_variable_that_a_shell_keeps_for_itself_is_refused(name):
    # bash refuses to set UID, zsh changes the user of the process.
    _, refused = _refused({name: "x"})

    assert refused == {name}
