"""Projects to measure on, in a temporary folder with a home of its own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portconf import snapshot
from portconf.project import Project


DECLARATION = """\
[tool.portconf.services]
http-server = "Main HTTP Server"
postgres = "PostgreSQL Database"
mongo = "MongoDB Database"
redis = "Redis Cache (future)"
elasticsearch = "Elasticsearch (future)"
grafana = "Grafana Dashboard (future)"
prometheus = "Prometheus Metrics (future)"
"""
ASSIGNMENTS = "config/port_assignments.json"
# With PYTHONPATH, so that processes measure the package that this one measures.
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR")


@contextmanager
def place() -> Iterator[Path]:
    """
    Give a temporary folder, and an environment that knows no other.

    A project in it, `shop`, begins to settle at once.
    """
    before, here = dict(os.environ), os.getcwd()
    with tempfile.TemporaryDirectory(prefix="portconf-bench-") as folder:
        found = Path(folder).resolve()
        kept = {name: before[name] for name in _KEPT if name in before}
        os.environ.clear()
        os.environ.update(kept, HOME=str(found), TERM="xterm", GIT_CONFIG_NOSYSTEM="1")
        try:
            make(found / "shop")
            yield found
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(before)


def make(root: Path, *, git: bool = True, init: bool = True) -> Path:
    """Make a project with the seven services of the reference declaration."""
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text(DECLARATION, encoding="utf-8")
    if git:
        # Without the template's dozen sample hooks: nothing here runs them.
        words = ("git", "init", "-q", "-b", "main", "--template=", str(root))
        subprocess.run(words, check=True)
    if init:
        Project.find(str(root)).init(gitignore=git)
    return root


def settled(place: Path) -> Path:
    """Return the project `shop` of a place, old enough to be remembered."""
    root = place / "shop"
    inputs = [str(path) for path in root.rglob("*") if path.is_file()]
    inputs += Project.find(str(root)).registry_files()
    while not all(
        snapshot.settled(snapshot.fingerprint(path), now_ns=time.time_ns())
        for path in inputs
    ):
        time.sleep(0.02)
    return root


def script(name: str) -> str | None:
    """Return the path of a command of the running environment, or None."""
    path = Path(sys.executable).with_name(name)
    return str(path) if path.exists() else None
