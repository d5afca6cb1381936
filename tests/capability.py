"""What a test needs of the machine."""

import glob
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest


EXAMPLE = Path(__file__).parents[1] / "examples" / "shop"
_DEBIANS = "/usr/lib/postgresql/*/bin"


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing."""
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"needs the program {program}"
    )


def program(name: str) -> str | None:
    """Return where a program is; Debian keeps those of PostgreSQL off PATH."""
    folders = sorted(glob.glob(_DEBIANS), reverse=True)
    return shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *folders])
    )


@cache
def missing(server: str) -> str | None:
    """
    Return why a server cannot be started here, or None.

    Args:
        server: `postgres`, or the name of its program.
    """
    names = ("postgres", "pg_ctl", "initdb") if server == "postgres" else (server,)
    for name in names:
        if not program(name):
            return f"needs the program {name}"
    if server == "postgres" and os.geteuid() == 0:
        # It refuses root, who must be able to become the user of Debian's package.
        words = [str(EXAMPLE / "bin" / "pg_ctl"), "--version"]
        if (
            not glob.glob(_DEBIANS)
            or subprocess.run(words, capture_output=True, check=False).returncode
        ):
            return "needs another user than root, for PostgreSQL"
    return None


def needs_servers(*servers: str) -> pytest.MarkDecorator:
    """Skip a test where one of the servers cannot be started."""
    found = [reason for reason in map(missing, servers) if reason]
    return pytest.mark.skipif(bool(found), reason=", ".join(found))


def unmeasured() -> dict[str, str]:
    """
    Return an environment without coverage, which measures our child processes too.

    It writes files as they end, which fails where a test takes files away from them.
    """
    return {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}


def beside(name: str) -> str | None:
    """Return where a program is, which may be installed beside the interpreter."""
    here = os.path.join(os.path.dirname(sys.executable), name)
    return here if os.path.exists(here) else shutil.which(name)
