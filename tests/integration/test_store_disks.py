"""Disks that are full or read-only, and files that may not be written."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from capability import unmeasured
from checkouts import leased, registry
from commandline import run, state
from contention import temporaries


_NOBODY = 65534
PLAN = "config/port_assignments.json"
FILES = (PLAN, ".env", ".env.compose", "port_exports.sh")


@pytest.fixture
def begun(sample):
    """A project with its ports, which declares so much more that all files grow."""
    assert run("init", at=sample.root).code == 0
    more = ", ".join(f'"service-{number}"' for number in range(40))
    sample.declare(f"[tool.portconf]\nservices = [{more}]\n")
    return sample


@pytest.mark.parametrize(
    ("named", "code", "told"),
    [
        (
            "",
            5,
            "the registry {} cannot be used: disk I/O error; it was left untouched",
        ),
        ("off", 4, f"{PLAN} cannot be written: File too large"),
    ],
    ids=["the registry", "the plan"],
)
def test_a_limit_of_the_size_of_files_is_told_and_changes_nothing(
    begun, named, code, told
):
    before = state(begun.root), leased()
    python = shlex.quote(sys.executable)
    script = f"ulimit -f 1; exec {python} -B -m portconf init"

    done = subprocess.run(
        ["sh", "-c", script],
        cwd=begun.root,
        stderr=subprocess.PIPE,
        check=False,
        env={**unmeasured(), "PORTCONF_REGISTRY": named},
    )

    assert done.returncode == code
    first, *hint = done.stderr.decode().splitlines()
    assert first == f"portconf: {told.format(registry())}"
    assert len(hint) == (code == 5)
    assert (state(begun.root), leased()) == before


# The mount is gone with the namespace of this script.
ON_A_DISK_OF_ITS_OWN = """
    set -e; project=$1; disk=$2; python=$3; spoil=$4; export XDG_STATE_HOME=$5
    mount -t tmpfs -o size=1m tmpfs "$disk"
    mkdir "$disk/shop"; cd "$disk/shop"; cp -R "$project/." .
    "$python" -B -m portconf get redis
    eval "$spoil"
    "$python" -B -m portconf init || echo "exit $?"
    "$python" -B -m portconf get redis
    "$python" -B -m portconf status --json | grep -c '"port": 40'
    for name in $(cd "$project"; find . -type f); do cmp "$project/$name" "$name"; done
    find . -name '*-tmp'
"""


FULL = "cat /dev/zero > filler 2> filler || true"
READ_ONLY = 'mount -o remount,ro "$disk"'


@pytest.mark.parametrize(
    ("spoil", "place", "code", "told", "reason"),
    [
        (FULL, ".", 4, f"{PLAN} cannot be ", "No space left on device"),
        (READ_ONLY, ".", 4, f"{PLAN} cannot be ", "Read-only file system"),
        # The lease is there already: who only reads need not write to its disk.
        (FULL, "disk", 5, "the registry {}/state/portconf/", "left untouched"),
        (READ_ONLY, "disk", 4, f"{PLAN} cannot be ", "Read-only file system"),
    ],
    ids=[
        "full",
        "read-only",
        "full, the registry's too",
        "read-only, the registry's too",
    ],
)
def test_a_spoilt_disk_is_told_and_changes_nothing(
    begun, tmp_path, spoil, place, code, told, reason
):
    namespace = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else [])]
    (tmp_path / "disk").mkdir()
    states = str(tmp_path / place / "state")
    words = [str(begun.root), str(tmp_path / "disk"), sys.executable, spoil, states]
    command = [*namespace, "sh", "-c", ON_A_DISK_OF_ITS_OWN, "sh", *words]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    if "portconf: " not in done.stderr:
        pytest.skip(f"may not mount a file system: {done.stderr}")
    assert done.stdout == f"4003\nexit {code}\n4003\n7\n"
    assert done.stderr.startswith(f"portconf: {told.format(tmp_path / 'disk')}")
    assert reason in done.stderr


@pytest.mark.parametrize("name", FILES)
def test_a_read_only_file_is_refused_to_root_too(begun, name):
    path = begun.root / name
    path.chmod(0o444)
    before = path.read_bytes(), path.stat()

    answer = run("init", at=begun.root)

    assert answer.code == 4
    assert answer.err == (
        f"portconf: {name} cannot be written: it is read-only\nhint: chmod u+w {name}\n"
    )
    assert (path.read_bytes(), path.stat()) == before
    assert temporaries(begun.root) == []


@pytest.fixture
def unprivileged(begun, monkeypatch):
    """The project as one of a user who is not root, and that user."""
    is_root = os.getuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        root = shutil.copytree(begun.root, Path(folder, "shop"))
        monkeypatch.chdir(root)  # nobody may not come through the folder of this test
        if is_root:
            for path in (Path(folder), *Path(folder).rglob("*")):
                os.chown(path, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, 0)
        try:
            yield root
        finally:
            if is_root:
                os.setresuid(0, 0, 0)
            for path in (root, root / "config", root / ".git" / "portconf"):
                path.chmod(0o755)


@pytest.mark.parametrize(
    ("path", "mode", "reason"),
    [
        ("config", 0o555, f"{PLAN} cannot be written: Permission denied"),
        (PLAN, 0o000, f"{PLAN} cannot be read: Permission denied"),
        (".env", 0o000, ".env cannot be read: Permission denied"),
        (".", 0o555, ".env cannot be written: Permission denied"),
        (".git/portconf/lock", 0o444, f"{PLAN} cannot be locked: "),
        (".git/portconf", 0o000, f"{PLAN} cannot be locked: "),
    ],
)
def test_what_may_not_be_written_is_told_and_stays(unprivileged, path, mode, reason):
    (unprivileged / path).chmod(mode)
    files = [unprivileged / name for name in FILES if name != path]
    before = [file.read_bytes() for file in files]

    answer = run("init", at=unprivileged)

    assert answer.code == 4
    assert answer.err.startswith(f"portconf: {reason}")
    assert "Permission denied" in answer.err
    if path != ".":
        assert [file.read_bytes() for file in files] == before
    assert temporaries(unprivileged) == []
