"""The pytest plugin: what it adds to a run, and how fast it leases for workers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import shop
from table import Row

from portconf.project import Project


_WORKERS = 64
_TEST = "def test_nothing():\n    pass\n"
# Every call that pytest makes into the plugin is timed, and its import.
_TIMED = """
import sys, time
import pytest
spent = 0.0
def timed(work):
    global spent
    began = time.perf_counter()
    try:
        return work()
    finally:
        spent += time.perf_counter() - began
plugin = timed(lambda: __import__("portconf.pytest_plugin").pytest_plugin)
begin = plugin.pytest_load_initial_conftests
@pytest.hookimpl(wrapper=True, tryfirst=True)
def hook(early_config):
    inner = begin(early_config)
    timed(lambda: next(inner))
    session = sys.modules.get("portconf.pytest_plugin.session")
    for made in early_config.pluginmanager.get_plugins():
        if session and isinstance(made, session.Session):
            found.append(made)
    yield
found = []
plugin.pytest_load_initial_conftests = hook
class Calls:
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self):
        for each in found:
            timed(each.pytest_sessionstart)
            timed(each.pytest_report_header)
        yield
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_unconfigure(self):
        for each in found:
            timed(each.pytest_unconfigure)
        yield
words = ["--disable-plugin-autoload", "-q", "-p", "no:cacheprovider"]
code = pytest.main([*words, "-p", "portconf.pytest_plugin", "test_nothing.py"], [Calls()])
print(1e3 * spent)
sys.exit(code)
"""
_CASES = {
    "without [tool.portconf]": (5.0, "one module, and a look at pyproject.toml"),
    "with it, nobody listens": (
        30.0,
        "the snapshot, the module of the guard, fixtures",
    ),
}


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure whole runs of one empty test, and what of them is the plugin's work."""
    place.mkdir(parents=True, exist_ok=True)
    checkout = shop.settled(place.parent)
    folders = dict(zip(_CASES, (_plain(place / "plain"), checkout), strict=True))
    for name, (limit, bound) in _CASES.items():
        # A whole run varies by ten times what is looked for, so its parts are timed.
        found = [_work(folders[name]) for _ in range(2 if quick else 31)]
        what = f"the plugin's work in a project {name}"
        yield Row.of(what, found, unit="ms", at_most=limit, bound=bound)
    yield _leasing(checkout, rounds=2 if quick else 21)


def _plain(folder: Path) -> Path:
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    return folder


def _work(folder: Path) -> float:
    """Run pytest once; return the ms of import, variables, guard, header and end."""
    (folder / "test_nothing.py").write_text(_TEST, encoding="utf-8")
    done = subprocess.run(
        (sys.executable, "-c", _TIMED),
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return float(done.stdout.splitlines()[-1])


def _leasing(checkout: Path, *, rounds: int) -> Row:
    """Time one call that leases a block for each worker."""
    project = Project.find(str(checkout))
    names = [f"gw{nth}" for nth in range(_WORKERS)]
    took = []
    for _ in range(rounds):
        began = perf_counter()
        given = project.isolated(*names)
        took.append(1e3 * (perf_counter() - began))
        for each in given:
            each.end()
    services = len(project.ports())
    return Row.of(
        f"leasing blocks for {_WORKERS} workers, {services} services",
        took,
        unit="ms",
        at_most=50,
        bound="a bind of each port on four addresses; one transaction",
    )
