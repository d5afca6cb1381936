import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from portconf.alerts import Alerts
from portconf.declaration import from_dict
from portconf.keys import keys_of
from portconf.model import Service
from portconf.schema import get_schema
from portconf.settings import Pytest, Settings


PROJECTS = Path(__file__).parents[1] / "projects"
VALID = sorted(PROJECTS.glob("valid/*/pyproject.toml"))
# What the whole table alone shows, or what is no table: see `get_schema`.
BEYOND = {
    "base-port-above-last-port",
    "block-size",
    "instance-range",
    "not-toml",
    "one-variable",
    "paths-clash",
    "port-fixed-twice",
    "template-clash",
    "template-services",
}
BEYOND_PARTS = {
    # The name is wrong only as long as no "env" names another variable.
    "bad-variables: '2fa'",
    "reserved-variables: 'base'",
    "reserved-variables: 'next'",
    "reserved-variables: 'portconf'",
    "reserved-variables: 'portconf-web'",
    # It names no service.
    "everything-at-once: 'URL'",
    # To JSON Schema this is an integer, and "$" may stand before a last newline.
    "ports-out-of-range: 'e'",
    "bad-variables: 'X\\n'",
}
INVALID = [p for p in sorted(PROJECTS.glob("invalid/*.toml")) if p.stem not in BEYOND]


def table(path: Path) -> Any:
    return tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["portconf"]


def accepts(value: Any) -> bool:
    return bool(jsonschema.Draft7Validator(get_schema()).is_valid(value))


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(get_schema())


@pytest.mark.parametrize("path", VALID, ids=[path.parent.name for path in VALID])
def test_the_schema_accepts_what_the_parser_accepts(path):
    jsonschema.validate(table(path), get_schema(), cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize("path", INVALID, ids=[path.stem for path in INVALID])
def test_the_schema_refuses_what_the_parser_refuses(path):
    assert not accepts(table(path))


def _each_part(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each service and each template of a declaration in a table of its own."""
    whole = table(path)
    if isinstance(whole, dict) and isinstance(whole.get("services"), dict):
        for name, value in whole["services"].items():
            yield f"{path.stem}: {name!r}", {"services": {name: value}}
    if isinstance(whole, dict) and isinstance(whole.get("env"), dict):
        for name, value in whole["env"].items():
            yield f"{path.stem}: {name!r}", {"services": ["web"], "env": {name: value}}


PARTS = [part for path in INVALID for part in _each_part(path)]


@pytest.mark.parametrize(("name", "part"), PARTS, ids=[name for name, _ in PARTS])
def test_the_schema_judges_each_part_by_itself_as_the_parser_does(name, part):
    problems: list[str] = []
    from_dict(part, problems)

    assert accepts(part) == (not problems or name in BEYOND_PARTS)


def test_every_key_has_a_description_and_its_default():
    properties = get_schema()["properties"]
    service = properties["services"]["anyOf"][1]["additionalProperties"]["anyOf"][1]

    tests = properties["pytest"]["properties"]
    alerts = properties["alerts"]["properties"]
    inner = {"services", "env", "pytest", "alerts"}
    assert {*properties} == {*keys_of(Settings), *inner}
    assert {*tests} == {*keys_of(Pytest)}
    assert {*alerts} == {*keys_of(Alerts)}
    assert {*service["properties"]} == {*keys_of(Service)}
    assert {*keys_of(Service)} == {
        each.name.replace("_", "-") for each in fields(Service) if each.name != "name"
    }
    every = (properties, service["properties"], tests, alerts)
    for key in (key for table in every for key in table.values()):
        assert key["description"]
    assert properties["base-port"]["default"] == 4000
    assert properties["instance-range"]["default"] == "20000-29999"
    assert service["properties"]["shared"]["default"] is False
    assert "default" not in service["properties"]["port"]
    assert tests["isolate"]["default"] == "worker"
    assert "default" not in tests["guard"]  # what the one above says


@pytest.mark.external
@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("[tool.portconf]\nservices = ['web']\n", 0, "Valid file"),
        ("[tool.portconf]\nbase_port = 4000\n", 1, "tool.portconf"),
        ("[tool.portconf.services.web]\nport = 'x'\n", 1, "tool.portconf.services"),
    ],
)
def test_validate_pyproject_finds_and_uses_the_schema(tmp_path, text, code, message):
    path = tmp_path / "pyproject.toml"
    path.write_text(text, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "validate_pyproject", str(path)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == code
    assert message in done.stdout + done.stderr
