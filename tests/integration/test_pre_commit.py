"""The hook that other repositories use, in the hands of a real runner of hooks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from capability import beside
from checkouts import Checkout
from commandline import external


MANIFEST = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"
PREK = beside("prek")

pytestmark = pytest.mark.skipif(PREK is None, reason="needs the program prek")


def prek(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    programs = os.path.dirname(sys.executable)
    path = os.pathsep.join([programs, os.environ["PATH"]])
    return external(str(PREK), *words, at=at, env={**os.environ, "PATH": path})


@pytest.fixture
def hooked(shop: Checkout, tmp_path: Path) -> Checkout:
    """A shop that has portconf's own repository for a repository of hooks."""
    hooks = Checkout(tmp_path / "portconf")
    hooks.root.mkdir()
    hooks.git("init", "-q", "-b", "main")
    (hooks.root / MANIFEST.name).write_bytes(MANIFEST.read_bytes())
    hooks.git("add", MANIFEST.name)
    hooks.git("commit", "-qm", "hooks")
    # `language: system`: what is tested is our hook, not that pip can install it.
    hook = {"id": "portconf-check", "language": "system"}
    revision = hooks.git("rev-parse", "HEAD").strip()
    repository = {"repo": str(hooks.root), "rev": revision, "hooks": [hook]}
    config = json.dumps({"repos": [repository]})  # which is YAML too
    (shop.root / ".pre-commit-config.yaml").write_text(config)
    shop.git("add", ".pre-commit-config.yaml")
    shop.git("commit", "-qm", "hooks")
    return shop


def test_the_manifest_is_valid(tmp_path):
    done = prek("validate-manifest", str(MANIFEST), at=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_commit_whose_declaration_and_plan_agree_passes(hooked):
    done = prek("run", "--all-files", at=hooked.root)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "declaration, plan, files and exports agree" in done.stdout
    assert "Passed" in done.stdout


def test_a_commit_that_forgot_init_is_stopped(hooked):
    text = (hooked.root / "pyproject.toml").read_text()
    hooked.declare(text.replace('"web"', '"web", "mail"'))
    hooked.git("add", "pyproject.toml")

    done = prek("run", at=hooked.root)

    assert done.returncode == 1
    assert "'mail' is declared but has no port" in done.stdout


def test_a_commit_of_other_files_does_not_ask(hooked):
    (hooked.root / "notes.txt").write_text("x\n")
    hooked.git("add", "notes.txt")

    done = prek("run", at=hooked.root)

    assert done.returncode == 0
    assert "Skipped" in done.stdout


@pytest.mark.parametrize(
    ("file", "asks"),
    [
        ("compose.yaml", True),
        ("deploy/docker-compose.dev.yml", True),
        ("compose-dev.yaml", True),
        ("config/port_assignments.json", True),
        ("composer.json", False),
        ("my-compose.yaml", False),
    ],
)
def test_the_files_that_matter_are_named(hooked, file, asks):
    path = hooked.root / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(path.read_text() + "\n" if path.exists() else "services: {}\n")
    hooked.git("add", file)

    done = prek("run", at=hooked.root)

    assert ("Skipped" not in done.stdout) is asks, done.stdout
