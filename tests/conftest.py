"""Isolation for every test, and projects to work on."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from portconf import manager
from portconf.project import Project


SEVEN = """\
[tool.portconf]
base-port = 4000

[tool.portconf.services]
http-server = "Main HTTP Server"
postgres = "PostgreSQL Database"
mongo = "MongoDB Database"
redis = "Redis Cache (future)"
elasticsearch = "Elasticsearch (future)"
grafana = "Grafana Dashboard (future)"
prometheus = "Prometheus Metrics (future)"
"""


@pytest.fixture(autouse=True)
def _no_traces_at_home(tmp_path_factory, monkeypatch) -> None:
    """A test would read the developer's git configuration and write to the home."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("STATE", "CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


@pytest.fixture(autouse=True)
def _no_ports_of_the_outer_run(monkeypatch) -> None:
    """`nox -s tests` exports the ports of this repository to the tests."""
    for name in list(os.environ):
        if name.startswith("PORTCONF_") or name.endswith("_PORT"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COMPOSE_PROJECT_NAME", "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_plugins_that_few_tests_need(monkeypatch) -> None:
    """What is installed for the tests of ours would shuffle a user's tests."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio -p no:env -p no:randomly")


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path, monkeypatch) -> None:
    """A command would find the project of this repository."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _no_remembered_managers() -> Iterator[None]:
    """The module's functions keep a manager for each folder."""
    manager._managers.clear()
    yield
    manager._managers.clear()


@dataclass(frozen=True)
class Sample:
    """A project in a folder of its own."""

    root: Path

    @property
    def project(self) -> Project:
        return Project.find(str(self.root))

    @property
    def plan_file(self) -> Path:
        return self.root / "config" / "port_assignments.json"

    def declare(self, text: str) -> None:
        (self.root / "pyproject.toml").write_text(dedent(text), encoding="utf-8")

    def run(self, *words: str, **options) -> subprocess.CompletedProcess[str]:
        """Run the command line in a process of its own, in the project's folder."""
        options.setdefault("cwd", self.root)
        return subprocess.run(
            [sys.executable, "-m", "portconf", *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
            **options,
        )

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout


@pytest.fixture
def make_sample(tmp_path) -> Callable[..., Sample]:
    """Make projects: `make_sample(text, git=True)`."""

    def make(text: str = SEVEN, *, name: str = "shop", git: bool = False) -> Sample:
        sample = Sample(tmp_path / name)
        sample.root.mkdir()
        sample.declare(text)
        if git:
            sample.git("init", "-q", "-b", "main")
        return sample

    return make


@pytest.fixture
def sample(make_sample: Callable[..., Sample]) -> Sample:
    """The project of the reference declaration, in a git checkout."""
    return make_sample(git=True)
