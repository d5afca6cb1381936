"""Every state of the disk that a loss of power during a command can leave."""

import os
import sys
from pathlib import Path

import powerloss
import pytest
from commandline import run
from contention import temporaries

from portconf.project import Project


DECLARED = '[tool.portconf]\nservices = ["web", "db"]\n'
# Two folders to make, of which the upper one must last too.
DEEP = DECLARED + 'assignments = "state/of/ports.json"\n'
MORE = DECLARED.replace('"db"', '"db", "new"')

GENERATED = (".env", ".env.compose", "port_exports.sh")
INIT = ("-m", "portconf", "init")
ADD = ("-m", "portconf", "add", "new")
RELEASE = ("-m", "portconf", "release", "db")
RESET = ("-m", "portconf", "reset", "--yes")
ASSIGN = ("-c", "from portconf import assign_port; print(assign_port('new'))")


@pytest.mark.skipif(
    not powerloss.available(), reason="strace is missing or may not trace here"
)
@pytest.mark.parametrize(
    ("begun", "declared", "words", "least"),
    [
        pytest.param("", DECLARED, INIT, 40, id="first init"),
        pytest.param(DECLARED, MORE, INIT, 20, id="init"),
        pytest.param("", DECLARED, ASSIGN, 15, id="first assignment"),
        pytest.param("", DEEP, ASSIGN, 15, id="first assignment in a deep folder"),
        pytest.param(DECLARED, DECLARED, ASSIGN, 6, id="assignment"),
        pytest.param(DECLARED, DECLARED, ADD, 20, id="add"),
        pytest.param(DECLARED, DECLARED, RELEASE, 20, id="release"),
        pytest.param(DECLARED, DECLARED, RESET, 20, id="reset"),
    ],
)
def test_no_loss_of_power_tears_a_file_or_forgets_an_answer(
    make_sample, tmp_path, monkeypatch, begun, declared, words, least
):
    sample = make_sample(begun)
    root = sample.root
    (root / ".git").mkdir()
    (root / ".env").write_text("SECRET=1\n")
    assert not begun or run("init", at=root).code == 0
    sample.declare(declared)
    environment = {k: v for k, v in os.environ.items() if "COVERAGE" not in k}
    old = powerloss.snapshot(root)

    command = (sys.executable, *words)
    ops = powerloss.record(command, cwd=root, env=environment, root=root)
    states = list(powerloss.states(ops, old))

    print(f"{len(states)} states of {len(ops)} operations")  # noqa: T201 - pytest -rP
    assert len(states) >= least
    new = powerloss.snapshot(root)
    ours = [path for path, data in new.items() if data and ".git" not in path]
    plan = next(path for path in ours if path.endswith(".json"))
    # Hundreds of inits need not ask git and wait for the disk.
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for number, state in enumerate(states):
        told = state.description
        for path in ours:
            assert state.tree.get(path) in (old.get(path), new[path]), told
            assert state.tree.get(path) == new[path] or not state.answered, told
        if any(state.tree.get(path) != old.get(path) for path in GENERATED):
            assert state.tree.get(plan) == new[plan], told
        copy = tmp_path / str(number) / "shop"
        powerloss.materialise(state, copy)
        check_goes_on(copy)


def check_goes_on(root: Path) -> None:
    """Check that `init` finishes what power cut off, and the next write tidies up."""
    project = Project.find(str(root), lock_timeout=1)
    kept = project.plan().services.items()

    project.init()

    assert kept <= project.plan().services.items()
    assert project.init().files == ()
    project.add("later", {})
    assert temporaries(root) == []
