"""The pytest plugin: what it adds to a run, and how fast it leases for workers."""

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import shop
from rounds import Process, added_ms, interleave
from table import Row

from portconf.project import Project


_WORKERS = 64
_TEST = "def test_nothing():\n    pass\n"
_PLUGIN = "portconf.pytest_plugin"
_CASES = {
    "without [tool.portconf]": (5.0, "one module, and a look at pyproject.toml"),
    "with it, nobody listens": (
        30.0,
        "the snapshot, the module of the guard, fixtures",
    ),
}


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure whole runs of one empty test, with the plugin and without."""
    place.mkdir(parents=True, exist_ok=True)
    checkout = shop.settled(place.parent)
    folders = dict(zip(_CASES, (_plain(place / "plain"), checkout), strict=True))
    actions = {
        (name, plugin): _run(folder, plugin=plugin)
        for name, folder in folders.items()
        for plugin in (False, True)
    }
    named = {f"{name}: {plugin}": each for (name, plugin), each in actions.items()}
    times = interleave(named, 1 if quick else 31, warm_up=1 if quick else 3)
    for name, (limit, bound) in _CASES.items():
        found = added_ms(times, f"{name}: True", f"{name}: False")
        what = f"the plugin adds, in a project {name}"
        yield Row.of(what, found, unit="ms", at_most=limit, bound=bound)
    yield _leasing(checkout, rounds=2 if quick else 21)


def _plain(folder: Path) -> Path:
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    return folder


def _run(folder: Path, *, plugin: bool) -> Process:
    test = folder / "test_nothing.py"
    test.write_text(_TEST, encoding="utf-8")
    # No other plugin: they would add their own spread to both.
    words = (sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-q")
    chosen = ("-p", _PLUGIN) if plugin else ()
    return Process((*words, "-p", "no:cacheprovider", *chosen, test.name), str(folder))


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
