"""
Every state of the disk that a loss of power during a command can leave.

The machine's registry is not among the files whose writes are taken apart: it lies
outside of the project, and how it lasts is SQLite's protocol, not ours; its commits are
synchronised. What is ours is the order: a lease is kept before anything that follows
from it is written, and dropped after all. So each state of the project is tried with
each registry that it can meet, the one from before the command and the one from after.
"""

import os
import shutil
import sys
from pathlib import Path

import powerloss
import pytest
from commandline import run
from contention import temporaries

from portconf import machine
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
    registries = [kept_registry(tmp_path / "before")]

    command = (sys.executable, *words)
    ops = powerloss.record(command, cwd=root, env=environment, root=root)
    states = list(powerloss.states(ops, old))

    print(f"{len(states)} states of {len(ops)} operations")  # noqa: T201 - pytest -rP
    assert len(states) >= least
    new = powerloss.snapshot(root)
    registries.append(kept_registry(tmp_path / "after"))
    # A lease is that of a folder: each state has to stand in this one.
    root.rename(tmp_path / "done")
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
        untouched = all(state.tree.get(path) == old.get(path) for path in ours)
        whole = all(state.tree.get(path) == new[path] for path in ours)
        drops = words == RESET
        met = [drops or untouched, whole or not drops]
        assert any(met), told
        for registry in (
            each for each, meets in zip(registries, met, strict=True) if meets
        ):
            place = tmp_path / str(number) / registry.name
            shutil.copytree(registry, place)
            monkeypatch.setenv("XDG_STATE_HOME", str(place))
            powerloss.materialise(state, root)
            check_goes_on(root)
            root.rename(place / "shop")


def kept_registry(folder: Path) -> Path:
    """Return a copy of the folder that the registry lies in, if there is one by now."""
    found = Path(os.environ["XDG_STATE_HOME"])
    if found.exists():
        return shutil.copytree(found, folder)
    folder.mkdir()
    return folder


def check_goes_on(root: Path) -> None:
    """Check that `init` finishes what power cut off, and the next write tidies up."""
    project = Project.find(str(root), lock_timeout=1)
    kept = project.plan().services.items()

    project.init()

    assert kept <= project.plan().services.items()
    assert project.init().files == ()
    project.add("later", {})
    assert temporaries(root) == []
    # One lease, the plan as it stands, which has grown with it.
    (tenant,) = machine.tenants(timeout=1)
    assert (tenant.lease.holder.root, tenant.lease.block) == (str(root), None)
    ports = {port: name for name, port in Project.find(str(root)).ports().items()}
    assert tenant.lease.service_ports() == ports
