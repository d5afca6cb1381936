"""
Each declaration in `projects/invalid` is refused with the message beside it.

The message is what the command line prints, without its own name before the lines.
"""

import json
from pathlib import Path

import pytest

from portconf import PortManager
from portconf.errors import ConfigError
from portconf.project import Project


FOLDER = Path(__file__).parents[1] / "projects" / "invalid"
CASES = sorted(FOLDER.glob("*.toml"))
EVERY = pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
FEW = pytest.mark.parametrize(
    "case",
    [FOLDER / "everything-at-once.toml", FOLDER / "names.toml"],
    ids=["all", "names"],
)


def expected(case: Path) -> str:
    return case.with_name(f"{case.stem}.error.txt").read_text(encoding="utf-8")


def told(error: ConfigError) -> str:
    return f"{error.message}\n" + (f"hint: {error.hint}\n" if error.hint else "")


@EVERY
def test_a_wrong_declaration_is_refused_with_every_problem(case, tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(case.read_bytes())

    with pytest.raises(ConfigError) as caught:
        Project.find(str(tmp_path))

    assert told(caught.value) == expected(case)
    assert len(caught.value.problems) == len(caught.value.message.splitlines())


@FEW
@pytest.mark.parametrize("words", [("init",), ("get", "web"), ("check",)], ids=" ".join)
def test_the_command_line_tells_it_and_touches_nothing(case, words, make_sample):
    sample = make_sample(case.read_text(encoding="utf-8"))
    before = (sample.root / "pyproject.toml").read_bytes()

    done = sample.run(*words)

    assert (done.returncode, done.stdout) == (2, "")
    lines = expected(case).splitlines()
    assert done.stderr.splitlines() == [
        line if line.startswith("hint: ") else f"portconf: {line}" for line in lines
    ]
    assert [path.name for path in sample.root.iterdir()] == ["pyproject.toml"]
    assert (sample.root / "pyproject.toml").read_bytes() == before


def test_a_program_gets_the_problems_one_by_one(make_sample):
    case = FOLDER / "everything-at-once.toml"
    sample = make_sample(case.read_text(encoding="utf-8"))

    done = sample.run("status", "--json")

    error = json.loads(done.stdout)["error"]
    *problems, hint = expected(case).splitlines()
    assert (done.returncode, done.stderr) == (2, "")
    assert error["code"] == "config"
    assert error["problems"] == problems
    assert error["hint"] == hint.removeprefix("hint: ")


def test_a_manager_refuses_it_too(make_sample):
    sample = make_sample("[tool.portconf]\nservices = ['base']\n")

    with pytest.raises(ConfigError, match="one that portconf sets itself"):
        PortManager(root=sample.root)


def test_every_message_belongs_to_a_declaration():
    messages = {path.name for path in FOLDER.glob("*.error.txt")}

    assert messages == {f"{case.stem}.error.txt" for case in CASES}
    assert CASES
