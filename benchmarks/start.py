"""Start-up: whole processes against an interpreter that does nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import shop
from rounds import Process, interleave, ratios
from table import Row


_LEAN = (
    f"#!{sys.executable}\nimport sys\nfrom portconf.cli import main\nsys.exit(main())\n"
)
# port-for keeps its names in /etc, where a benchmark must not write.
_PEER = f"""\
#!{sys.executable}
import re, sys
from port_for import cmd, store
store.PortStore.__init__.__defaults__ = (__file__ + ".conf",)
sys.exit(cmd.main())
"""
_COUNT = """\
import sys
before = set(sys.modules)
from portconf.cli import main
main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""
_GET = ("get", "redis")
_INIT = ("init",)
_EXPORT = ("export", "--format", "sh")
# The most that a figure may be, and what bounds it.
_JUDGED = {
    "portconf get NAME": (
        3.0,
        "aim 2; the interpreter 1.0, the script of an old pip 0.6",
    ),
    "portconf export --format sh": (3.0, "aim 2; the same, and a renderer"),
    "portconf init, nothing to do": (6.0, "the same as get"),
    "portconf run -- true": (3.0, "the same, and the start of true"),
    "python -m portconf get NAME": (None, "runpy 0.4"),
    "the same by a script without re": (None, "what is portconf's own"),
    "get NAME, no snapshot": (
        None,
        "imports: 31 dataclasses, argparse, tomllib, inspect, re",
    ),
    "portconf --help": (None, "the same imports, but nothing is read"),
    "portconf status": (None, "the same imports"),
    "port-for NAME": (None, "a peer, for comparison"),
}


def rows(place: Path, *, quick: bool) -> Iterator[Row]:
    """Measure the commands of a shell prompt and a script."""
    plain = shop.make(place / "plain", git=False)
    checkout = shop.settled(place.parent)
    actions = _actions(place, str(checkout), str(plain))
    # The first turn of the warm-up leaves the snapshot.
    times = interleave(actions, 2 if quick else 41, warm_up=1 if quick else 3)
    for name, (limit, bound) in _JUDGED.items():
        if name in actions:
            found = ratios(times, name, "bare")
            unit = "x python -c pass"
            yield Row.of(name, found, unit=unit, at_most=limit, bound=bound)
    for words in (_GET, _EXPORT, _INIT):
        yield _modules(words, checkout)


def _actions(place: Path, checkout: str, plain: str) -> dict[str, Process]:
    python = sys.executable
    portconf = shop.script("portconf")
    if portconf is None:
        raise SystemExit(f"no portconf beside {python}: install the project first")
    actions = {
        "bare": Process((python, "-c", "pass"), checkout),
        "portconf get NAME": Process((portconf, *_GET), checkout),
        "portconf export --format sh": Process((portconf, *_EXPORT), checkout),
        "portconf init, nothing to do": Process((portconf, *_INIT), checkout),
        "portconf run -- true": Process((portconf, "run", "--", "true"), checkout),
        "python -m portconf get NAME": Process(
            (python, "-m", "portconf", *_GET), checkout
        ),
        "the same by a script without re": Process(
            (_script(place / "lean", _LEAN), *_GET), checkout
        ),
        "get NAME, no snapshot": Process((portconf, *_GET), plain),
        "portconf --help": Process((portconf, "--help"), checkout),
        "portconf status": Process((portconf, "status"), checkout),
    }
    if find_spec("port_for"):
        peer = _script(place / "port-for", _PEER)
        actions["port-for NAME"] = Process((peer, "redis"), checkout)
    return actions


def _script(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def _modules(words: tuple[str, ...], checkout: Path) -> Row:
    """Count what the hot path imports beyond the bare interpreter."""
    done = subprocess.run(
        (sys.executable, "-c", _COUNT, *words),
        cwd=checkout,
        env=os.environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    names = done.stderr.split()
    others = [name for name in names if name.partition(".")[0] != "portconf"]
    return Row.exactly(
        f"modules that {' '.join(words)} adds",
        len(names),
        bound=f"not portconf's own: {', '.join(others)}",
    )
