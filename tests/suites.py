"""Runs of pytest or nox in a user's project, and what their tests saw."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from checkouts import Checkout


CONFTEST = '''\
"""What the tests of this folder have in common: they tell what they see."""

import json
import os
import time
from pathlib import Path

import pytest

AT_IMPORT = dict(os.environ)
TOLD = Path(os.environ["TOLD"])


def write(config, test, **more):
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    known = {"test": test, "worker": worker, "pid": os.getpid()}
    known |= {"environ": dict(os.environ), "at_import": AT_IMPORT}
    path = TOLD / f"{os.getpid()}-{test}.json"
    path.with_suffix(".part").write_text(json.dumps(known | {"more": more}))
    path.with_suffix(".part").rename(path)


@pytest.fixture
def tell(request):
    """Write what a test sees."""
    return lambda **more: write(request.config, request.node.name, **more)


def pytest_sessionfinish(session):
    if session.config.pluginmanager.hasplugin("dsession"):
        write(session.config, "controller")


@pytest.fixture
def meet():
    """Wait until a file is there."""

    def meet(what):
        ends = time.monotonic() + 30
        while not (TOLD / what).exists():
            assert time.monotonic() < ends, "the others never came"
            time.sleep(0.01)

    return meet
'''
# Others' plugins are loaded by the tests that are about them; and assertions that are
# explained take their time.
_BARE = (
    "--assert=plain -p no:anyio -p no:asyncio -p no:cacheprovider -p no:env -p no:hypothesispytest"
    " -p no:postgresql -p no:randomly"
)


@dataclass(frozen=True)
class Told:
    """What one test or session saw."""

    test: str
    worker: str
    pid: int
    environ: dict[str, str]
    at_import: dict[str, str]
    more: dict[str, Any]

    def port(self, name: str = "web") -> int:
        return int(self.environ[f"{name.upper()}_PORT"])

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the variables, by service."""
        found = (e for e in self.environ if e.endswith("_PORT"))
        names = (e[: -len("_PORT")].lower() for e in found)
        return {e: self.port(e) for e in names if e not in {"base", "next"}}


@dataclass
class Suite:
    """One run of pytest or nox."""

    process: subprocess.Popen[str]
    folder: Path
    out: str = ""

    @property
    def told(self) -> list[Told]:
        """What its tests have told so far, one that ran twice included."""
        texts = (path.read_text("utf-8") for path in sorted(self.folder.glob("*.json")))
        return [Told(**json.loads(text)) for text in texts]

    @property
    def by_worker(self) -> dict[str, Told]:
        """What each worker has told last; under no name, the controller."""
        return {each.worker: each for each in self.told}

    @property
    def code(self) -> int:
        code = self.process.returncode
        assert code is not None, "it runs"
        return code

    def let(self, what: str) -> None:
        """Let the tests go on that wait for a file."""
        (self.folder / what).touch()

    def end(self) -> "Suite":
        self.out += self.process.communicate(timeout=60)[0]
        return self


@contextmanager
def started(
    *words: str, at: Checkout | Path, program: str = "pytest", **environment: str
) -> Iterator[Suite]:
    """
    Start a program as users do; it has ended or is killed when the block ends.

    Its output is both streams, as on a terminal. ``environment`` has what it gets over
    this process's; `PLUGINS` are options of pytest, in place of those that leave
    others' out.
    """
    folder = Path(mkdtemp(dir=os.environ["HOME"]))
    options = environment.pop("PLUGINS", _BARE)
    root = at.root if isinstance(at, Checkout) else at
    with subprocess.Popen(
        [sys.executable, "-m", program, *words],
        cwd=root,
        env={
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_ADDOPTS": options,
            "TOLD": str(folder),
            # The one that all runs share may need a minute's cleaning.
            "PYTEST_DEBUG_TEMPROOT": str(folder),
            "COLUMNS": "200",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            yield Suite(process, folder)
        finally:
            process.kill()


def ran(
    *words: str, at: Checkout | Path, program: str = "pytest", **environment: str
) -> Suite:
    """Run a program to its end."""
    with started(*words, at=at, program=program, **environment) as suite:
        return suite.end()


def write(at: Checkout, test: str, *, conftest: str = CONFTEST) -> None:
    """Give a project its tests."""
    (at.root / "conftest.py").write_text(conftest, encoding="utf-8")
    (at.root / "test_shop.py").write_text(test, encoding="utf-8")
