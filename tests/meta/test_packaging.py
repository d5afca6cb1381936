"""What is installed, and what this repository holds."""

import json
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

import portconf


REPOSITORY = Path(__file__).parents[2]
PACKAGE = Path(portconf.__file__).parent
PORTCONF = distribution("portconf")
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
# The two commands of the README, each complete by itself.
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -e '.[all]' && "
COMMANDS = [f"{INSTALL}.venv/bin/{it}" for it in ("invoke ports.init", "nox -s tests")]


def editable() -> bool:
    origin = json.loads(PORTCONF.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def test_the_version_is_written_once():
    assert PORTCONF.version == PYPROJECT["project"]["version"]


def test_every_entry_point_loads():
    points = {(each.group, each.name): each for each in PORTCONF.entry_points}

    assert {
        ("console_scripts", "portconf"),
        ("validate_pyproject.tool_schema", "portconf"),
    } <= set(points)
    for each in points.values():
        assert each.load()


@pytest.mark.skipif(editable(), reason="needs portconf installed from its wheel")
def test_the_wheel_holds_the_package_and_nothing_else():
    parts = PORTCONF.files or []
    packed = {str(each) for each in parts if "__pycache__" not in each.parts}
    tops = {each.split("/")[0] for each in packed}

    assert {each for each in tops if each != ".."} == {
        "portconf",
        f"portconf-{PORTCONF.version}.dist-info",
    }
    assert "portconf/py.typed" in packed
    assert any(each.endswith("licenses/LICENSE") for each in packed)
    source = REPOSITORY / "portconf"
    assert {each for each in packed if each.startswith("portconf/")} == {
        str(path.relative_to(REPOSITORY))
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").read_bytes() == b""


def test_each_front_end_has_an_extra_and_all_has_each():
    extras = PYPROJECT["project"]["optional-dependencies"]

    assert {"invoke", "nox", "pytest", "all"} <= set(extras)
    (everything,) = extras["all"]
    assert set(re.findall(r"\w+", everything)) == {"portconf", *extras} - {"all"}


def test_ci_runs_the_two_commands_as_they_stand_in_the_readme():
    lines = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if "venv .venv" in line] == COMMANDS


def test_this_repository_declares_the_reference_services():
    declared = PYPROJECT["tool"]["portconf"]["services"]
    kept = json.loads(
        (REPOSITORY / "config" / "port_assignments.json").read_text(encoding="utf-8")
    )

    assert list(declared) == list(kept["services"])
    assert [each["port"] for each in kept["services"].values()] == [*range(4000, 4007)]
    assert kept["next_port"] == 4007


def test_every_module_is_read_in_one_sitting():
    lines = {
        str(path.relative_to(PACKAGE)): path.read_bytes().count(b"\n")
        for path in PACKAGE.rglob("*.py")
    }

    assert {name: count for name, count in lines.items() if count > 300} == {}


def tracked() -> list[Path]:
    """Return the files that git tracks; none where this is no checkout."""
    if not (REPOSITORY / ".git").exists() or not shutil.which("git"):
        return []
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    )
    names = done.stdout.decode().split("\0")
    return [
        REPOSITORY / each for each in names if each and (REPOSITORY / each).exists()
    ]


# Of the machine of whoever wrote it; the examples live in /home/you.
FOREIGN = re.compile(
    rb"(?<![\w.])/(?:root|work|Users/\w+|home/(?!you\b)\w+|tmp/[\w-]+/)(?![\w-])"
)
LOCKS = re.compile(r"(?:uv|poetry|pdm|Pipfile|pixi)\.lock|requirements.*\.txt")


@pytest.mark.skipif(not tracked(), reason="needs this repository as a git checkout")
def test_what_is_tracked_belongs_to_no_machine():
    found = {
        f"{path.relative_to(REPOSITORY)}: {match.group().decode()}"
        for path in tracked()
        if path != Path(__file__)
        for match in FOREIGN.finditer(path.read_bytes())
    }
    locks = [path.name for path in tracked() if LOCKS.fullmatch(path.name)]

    assert found == set()
    assert locks == []
