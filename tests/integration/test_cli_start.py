"""The command in a process of its own: how it starts, and how it ends."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from capability import unmeasured
from commandline import run


Done = subprocess.CompletedProcess[bytes]
REPOSITORY = Path(__file__).parents[2]
MODULE = (sys.executable, "-m", "portconf")
WAYS = {
    "portconf": (str(Path(sys.executable).with_name("portconf")),),
    "python -m portconf": MODULE,
    "python setup_ports.py": (sys.executable, str(REPOSITORY / "setup_ports.py")),
}


def shell(script: str, folder: Path, **environment: str) -> Done:
    """Run a line of shell in which "$@" is the command."""
    return subprocess.run(
        ["sh", "-c", script, "sh", *MODULE],
        cwd=folder,
        env={**unmeasured(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def ready(sample):
    assert run("init", at=sample.root).code == 0
    return sample


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_start_does_the_same(ready, way):
    def start(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*WAYS[way], *words],
            cwd=ready.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    answered = start("get", "redis")
    refused = start("statsu")

    assert (answered.returncode, answered.stdout) == (0, "4003\n")
    assert answered.stderr == ""
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "no verb is named 'statsu'; did you mean 'status'?" in refused.stderr


def test_the_version_is_that_of_the_metadata(tmp_path):
    answer = run("--version", at=tmp_path)

    assert (answer.code, answer.out) == (0, version("portconf") + "\n")


@pytest.mark.parametrize("words", ["status", "get redis", "--version"])
def test_a_reader_that_leaves_ends_the_command_quietly(ready, words):
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [*MODULE, *words.split()],
        cwd=ready.root,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )

    os.close(writer)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


@pytest.mark.parametrize("words", ["status", "get redis"])
def test_a_closed_standard_output_takes_nothing(ready, words):
    done = shell(f'"$@" {words} >&-', ready.root)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_below_standard_output_is_told(ready, unbuffered):
    done = shell('"$@" status >/dev/full', ready.root, PYTHONUNBUFFERED=unbuffered)

    assert done.returncode == 1
    assert done.stderr == (
        b"portconf: cannot write the answer: No space left on device\n"
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_does_not_matter_where_there_is_no_answer(ready, unbuffered):
    (ready.root / ".env").unlink()

    done = shell('"$@" init >/dev/full', ready.root, PYTHONUNBUFFERED=unbuffered)

    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "code"),
    [("init", 0), ("get nosuch", 3), ("statsu", 2), ("status >/dev/full", 1)],
)
def test_a_full_log_changes_no_exit_code(ready, words, code, unbuffered):
    (ready.root / ".env").unlink()

    done = shell(f'"$@" {words} 2>/dev/full', ready.root, PYTHONUNBUFFERED=unbuffered)

    assert done.returncode == code


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_that_takes_half_of_an_answer_is_told(ready, unbuffered):
    script = 'ulimit -f 1; "$@" schema >half'

    done = shell(script, ready.root, PYTHONUNBUFFERED=unbuffered)

    assert done.returncode == 1
    assert done.stderr == b"portconf: cannot write the answer: File too large\n"


@pytest.mark.parametrize("words", ["status", "get redis"])
def test_a_current_folder_that_is_gone_is_told(tmp_path, words):
    done = shell(f'mkdir gone; cd gone; rmdir ../gone; "$@" {words}', tmp_path)

    assert done.returncode == 2
    assert done.stderr == b"portconf: the current folder does not exist any more\n"


def test_a_pipe_gets_utf_8_whatever_the_locale(make_sample):
    sample = make_sample('[tool.portconf.services]\nweb = "Größe"')
    run("init", at=sample.root)

    done = shell('"$@" status', sample.root, PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "Größe" in done.stdout.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are no text")
def test_a_folder_whose_name_is_no_text_is_answered_byte_by_byte(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    root = Path(os.fsdecode(folder))
    (root / ".git").mkdir()
    (root / "pyproject.toml").write_text(
        "[tool.portconf]\ndotenv = false\ncompose-env = false\nservices = ['web']\n"
    )

    done = shell('"$@" init && "$@" get web && "$@" export --format sh', root)

    assert done.returncode == 0
    assert done.stdout.startswith(b'4000\n: "Generated by portconf.')
    assert b"export PORTCONF_ROOT='" + folder + b"'\n" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["-C"],
        ["-C", os.devnull, "status"],
        ["-C", "no/such/folder", "get", "redis"],
        ["get", ""],
        ["get", "--", "-x"],
        ["get", "a" * 100_000],
        ["add", "web", "--port", "1" * 5000],
        ["add", "web", "--port", "0"],
        ["add", "web", "--protocol", "ftp"],
        ["add", "web", "--health", "it's"],
        ["add", "../etc/passwd"],
        ["add", "web\nx = 1"],
        ["export", "--format", "../posix"],
        ["init", "--gitignore=yes"],
        ["reset"],
        ["completion", "tcsh"],
        ["", "status"],
        [],
    ],
    ids=lambda words: " ".join(words)[:30].encode("unicode_escape").decode(),
)
def test_a_wrong_command_line_is_refused_in_words(ready, words):
    answer = run(*words, at=ready.root)

    assert answer.code in (2, 3)
    assert answer.out == ""
    assert answer.err.startswith("portconf: ")


@pytest.mark.parametrize("seconds", ["abc", "-1", "nan", "inf", "1e9", ""])
def test_a_lock_timeout_that_is_no_number_of_seconds_is_refused(ready, seconds):
    answer = run("init", f"--lock-timeout={seconds}", at=ready.root)

    assert answer.code == 2
    assert f"must be seconds from 0 to 1000000, got {seconds!r}" in answer.err


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("statsu", "status"),
        ("get postgress", "postgres"),
        ("why Redis", "redis"),
        ("release graphana", "grafana"),
        ("init --dryrun", "--dry-run"),
        ("add web --container_port 80", "--container-port"),
    ],
)
def test_a_near_name_is_offered(ready, words, near):
    answer = run(*words.split(), at=ready.root)

    assert f"did you mean '{near}'?" in answer.err


def test_a_word_too_many_is_not_called_an_option(ready):
    answer = run("get", "redis", "postgres", at=ready.root)

    assert (answer.code, answer.out) == (2, "")
    assert "'postgres'" in answer.err
    assert "option" not in answer.err


def test_an_abbreviated_option_is_refused(ready):
    answer = run("status", "--js", at=ready.root)

    assert (answer.code, answer.out) == (2, "")


@pytest.mark.parametrize("words", ["init", "export", "check", "add web", "reset --yes"])
def test_what_is_for_people_goes_to_standard_error(ready, words):
    answer = run(*words.split(), at=ready.root)

    assert answer.code == 0
    assert answer.out == ""
    assert all(line.startswith("portconf: ") for line in answer.err.splitlines())
    assert answer.err != ""


def test_an_interrupt_ends_with_130(ready, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("portconf.project.Project.status", interrupted)

    assert run("status", at=ready.root).code == 130


def test_a_fault_of_ours_is_not_hidden(ready, monkeypatch):
    def faulty(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("portconf.project.Project.status", faulty)

    with pytest.raises(AssertionError):
        run("status", at=ready.root)
