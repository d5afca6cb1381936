"""The command line: in this process, and on a terminal of its own."""

import fcntl
import io
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portconf.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str = ""

    @property
    def data(self) -> Any:
        return self._envelope(ok=True)["data"]

    @property
    def error(self) -> Any:
        return self._envelope(ok=False)["error"]

    def _envelope(self, *, ok: bool) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(self.out)
        content = "data" if ok else "error"
        assert list(envelope) == ["portconf", "command", "ok", content]
        assert envelope["portconf"] == 1
        assert envelope["ok"] is ok
        return envelope


def run(*words: str, at: Path) -> Ran:
    """Run a command in this process, in the folder ``at``."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(at), redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    return Ran(code, out.getvalue(), err.getvalue())


def external(
    *words: str | Path, at: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run another program, which asks nobody and has a minute."""
    return subprocess.run(
        words,
        cwd=at,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def state(folder: Path, *, git: bool = False) -> dict[str, tuple[int, bytes]]:
    """Return time and content of every file in ``folder``, with git's or without."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (git or ".git" not in path.parts)
    }


# Makes the terminal on standard input the one whose Ctrl-C the program gets.
_ADOPT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def on_terminal(
    *words: str,
    at: Path,
    answer: tuple[str, str] = ("", ""),
    env: Mapping[str, str] | None = None,
) -> Ran:
    """
    Run a command on a terminal of 100 columns, and return what the terminal got.

    When it shows ``answer[0]``, ``answer[1]`` is typed.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-c", _ADOPT, sys.executable, "-m", "portconf", *words]
    running = subprocess.Popen(
        command,
        cwd=at,
        env={**os.environ, "TERM": "xterm-256color", **(env or {})},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = _converse(ours, *answer, until=time.monotonic() + 60)
    os.close(ours)
    return Ran(running.wait(timeout=60), shown.replace("\r\n", "\n"))


def _converse(terminal: int, question: str, typed: str, *, until: float) -> str:
    shown = b""
    while select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux: nobody has the other side open any more
            break
        if not part:
            break
        shown += part
        if typed and question in shown.decode(errors="replace"):
            os.write(terminal, typed.encode())
            typed = ""
    return shown.decode(errors="replace")
