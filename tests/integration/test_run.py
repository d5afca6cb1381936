"""`portconf run -- CMD`: the command with this checkout's variables, and nothing else."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from capability import needs
from checkouts import Checkout, leased
from commandline import external

from portconf import snapshot
from portconf.environment import compose_project


pytestmark = needs("git")
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def ran(
    *words: str | Path, at: Checkout, **environment: str
) -> subprocess.CompletedProcess[str]:
    return external(
        *(sys.executable, "-m", "portconf", "run", *words),
        at=at.root,
        env={**os.environ, **environment},
    )


def shown(at: Checkout, **environment: str) -> Mapping[str, str]:
    """Return the environment that a command gets."""
    done = ran("--", sys.executable, "-c", SHOW, at=at, **environment)
    assert done.returncode == 0, done
    found: Mapping[str, str] = json.loads(done.stdout)
    return found


def test_this_checkouts_variables_win_over_the_shells(shop, base):
    found = shown(
        shop,
        WEB_PORT="1",
        PORTCONF_ROOT="/home/you/other",
        PORTCONF_STAMP="x",
        MINE="2",
    )

    assert found["WEB_PORT"] == str(base)
    assert found["PORTCONF_ROOT"] == str(shop.root)
    assert found["MINE"] == "2"
    expected = shop.run("export", "--format", "json", "--json").data["variables"]
    assert {name: found[name] for name in expected} == expected


def test_in_a_fresh_worktree_it_takes_a_lease(shop, base):
    tree = shop.worktree("../tree")

    found = shown(tree)

    assert int(found["WEB_PORT"]) in leased()[str(tree.root)]
    assert found["WEB_PORT"] != str(base)
    assert found["COMPOSE_PROJECT_NAME"].startswith("tree-")


def test_the_compose_project_of_another_checkouts_shell_does_not_leak_in(shop):
    """Else `portconf run -- docker compose up` would replace the other's containers."""
    tree = shop.worktree("../tree")
    theirs = tree.run("export", "--format", "json", "--json").data["variables"]
    assert "COMPOSE_PROJECT_NAME" in theirs

    found = shown(shop, **theirs)

    assert "COMPOSE_PROJECT_NAME" not in found


def test_a_compose_project_of_the_users_own_is_left_alone(shop):
    of_ours = compose_project("/home/you/other", 3)
    assert of_ours is not None

    found = [
        shown(shop, COMPOSE_PROJECT_NAME="mine"),
        shown(shop, COMPOSE_PROJECT_NAME=of_ours),  # no portconf exports with it
    ]

    assert [each["COMPOSE_PROJECT_NAME"] for each in found] == ["mine", of_ours]


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_is_the_commands(shop, code):
    done = ran("--", "sh", "-c", f"exit {code}", at=shop)

    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_a_missing_command_is_127(shop):
    done = ran("--", "no-such-command-anywhere", at=shop)

    assert done.returncode == 127
    assert "portconf: cannot run 'no-such-command-anywhere'" in done.stderr


def test_an_empty_word_is_no_command(shop):
    done = ran("--", "", at=shop)

    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == "portconf: cannot run '': No such file or directory\n"


def test_a_file_that_is_no_program_is_126(shop):
    done = ran("--", shop.root / "pyproject.toml", at=shop)

    assert done.returncode == 126
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("wrong", ["no project", "no port", "refused registry"])
def test_what_keeps_portconf_itself_from_it_is_125(shop, tmp_path, wrong):
    at, environment = shop, {}
    if wrong == "no project":
        at = Checkout(tmp_path)
    elif wrong == "no port":
        shop.declare("[tool.portconf]\nservices = ['new']\n")
    else:
        environment = {"PORTCONF_REGISTRY": "relative/path"}

    done = ran("--", "echo", "never", at=at, **environment)

    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("portconf: ")


def test_without_a_command_it_tells_how_to_use_it(shop):
    done = shop.run("run")

    assert done.code in (2, 125)
    assert "portconf run -- CMD" in done.err


def test_words_of_the_command_are_its_own(shop):
    words = ["a b", "--json", "-C", "x", "--", "*", "", "--help"]
    tell = "import json, sys; print(json.dumps(sys.argv[1:]))"

    done = ran("--", sys.executable, "-c", tell, *words, at=shop)

    assert json.loads(done.stdout) == words


def test_the_dashes_before_the_command_may_be_left_out(shop, base):
    done = ran("sh", "-c", "echo $WEB_PORT", at=shop)

    assert done.stdout == f"{base}\n"


def test_it_is_the_command_and_not_its_parent(shop):
    tell = "import os; print(os.getpid(), os.getppid())"
    with shop.start("run", "--", sys.executable, "-c", tell) as started:
        told = started.communicate(timeout=60)[0]

    assert told == f"{started.pid} {os.getpid()}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command(shop, number):
    with shop.start("run", "--", "sh", "-c", "echo up; exec sleep 60") as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "up\n"

        started.send_signal(number)

        assert started.wait(timeout=60) == -number


def test_signals_that_python_ignores_are_as_they_were(shop):
    """A command in a pipe is to end when its reader does: `run -- yes | head`."""
    done = ran("--", "sh", "-c", "kill -PIPE $$; echo alive", at=shop)

    assert (done.returncode, done.stdout) == (-signal.SIGPIPE, "")


def test_an_ignored_signal_stays_ignored(shop):
    """As `nohup portconf run -- CMD` wants it."""
    words = [sys.executable, "-m", "portconf", "run", "--"]
    script = 'trap "" HUP; exec "$@"'
    command = ["sh", "-c", script, "sh", *words, "sh", "-c", "kill -HUP $$; echo alive"]

    done = subprocess.run(
        command, cwd=shop.root, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (0, "alive\n")


def test_open_files_go_to_the_command(shop):
    done = subprocess.run(
        [sys.executable, "-m", "portconf", "run", "--", "cat"],
        cwd=shop.root,
        input="from the caller",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "from the caller"


def test_dash_c_names_the_project_and_the_command_stays_here(shop, tmp_path, base):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "portconf", "-C", str(shop.root), "run", "--"),
            *("sh", "-c", 'echo "$WEB_PORT $PWD"'),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == f"{base} {tmp_path}\n"


@pytest.fixture
def known(shop, monkeypatch) -> Checkout:
    """A checkout whose variables are known, so that nothing has to be computed."""
    shop.init()
    monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))  # do not wait for 2 s
    shop.run("get", "web")
    assert snapshot.read(str(shop.root))
    found: Checkout = shop
    return found


@pytest.mark.parametrize("words", [["--", "true"], ["true"]])
def test_what_is_known_is_run_without_the_parser(known, words):
    python = [sys.executable, "-X", "importtime", "-m", "portconf", "run", *words]

    done = subprocess.run(python, cwd=known.root, capture_output=True, check=True)

    assert b"portconf.cli.become" in done.stderr
    assert b"argparse" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--", sys.executable, "-c", SHOW],
        ["sh", "-c", "exit 7"],
        ["--", "sh", "-c", "kill -PIPE $$; echo alive"],
        ["--", "no-such-command-anywhere"],
        ["--", ""],
        ["--", "./pyproject.toml"],
        ["--", "echo", "{port:web}"],
        ["--", "echo", "{port:wbe}"],
        ["--"],
        ["--", "--", "x"],
    ],
    ids=" ".join,
)
def test_what_is_known_is_run_as_what_is_computed(known, words):
    of_another = {
        "PORTCONF_ROOT": "/home/you/other",
        "PORTCONF_INSTANCE": "3",
        "COMPOSE_PROJECT_NAME": "other-3",
        "LISTEN_PID": "1",
        "LISTEN_FDS": "1",
        "WEB_PORT": "1",
    }

    short = ran(*words, at=known, **of_another)
    whole = subprocess.run(
        [sys.executable, "-m", "portconf", "-C", ".", "run", *words],
        cwd=known.root,
        env={**os.environ, **of_another},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (short.returncode, short.stdout, short.stderr) == (
        *(whole.returncode, whole.stdout, whole.stderr),
    )
    assert "LISTEN_PID" not in short.stdout
