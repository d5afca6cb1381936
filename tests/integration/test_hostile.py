"""Input made to harm: it is carried as text or refused by name, and never executed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from capability import unmeasured
from commandline import Ran, on_terminal, run, state
from filelock import FileLock
from readers import FISH, SHELLS

from portconf import PortManager
from portconf.errors import ConfigError


# A title for the window, a cleared screen, the same in one byte, text run backwards.
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e"
PORTCONF = (sys.executable, "-m", "portconf")


def toml(value: object) -> str:
    """Return a text or list as TOML, which takes JSON's form of them."""
    return json.dumps(value, ensure_ascii=True)


def assert_refused(done: Ran, *codes: int, named: str = "") -> None:
    """It ended with one of the codes, told of ``named``, and spared the terminal."""
    assert done.code in codes
    assert done.out == ""
    assert named in done.err
    assert_tame(done.err)


def assert_tame(text: str) -> None:
    """Nothing in it moves a cursor, and it is not longer than anybody reads."""
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert len(text) < 2000


NAMES = [
    "$(touch pwned)",
    "`touch pwned`",
    "a;b",
    "a b",
    "a'b",
    'a"b',
    "a\u2019b",
    "a\\b",
    "a/b",
    "../a",
    "a\nb",
    "a\n",
    "\x1b[2J",
    "\u0430pi",  # Cyrillic
    "web\uff11",  # a full-width digit
    "\uff57eb",
    "e\u0301",
    "a\u200db",
    "-a",
    "a-",
    "",
    "a" * 64,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_plain_word_is_refused_everywhere(name, make_sample):
    declared = make_sample(f"[tool.portconf.services]\n{toml(name)} = 'x'\n", name="a")
    plain = make_sample("[tool.portconf]\nservices = ['web']\n", name="b", git=True)
    kept = make_sample("[tool.portconf]\nservices = ['web']\n", name="c")
    kept.plan_file.parent.mkdir()
    kept.plan_file.write_text(_plan({name: {"port": 4000, "purpose": ""}}))
    before = state(plain.root)

    assert_refused(run("init", at=declared.root), 2, named="name must be")
    assert_refused(run("add", "--", name, at=plain.root), 2, named="name must be")
    assert_refused(run("status", at=kept.root), 4, named="name must be")
    with pytest.raises(ConfigError, match="name must be"):
        PortManager(root=plain.root).assign_port(name)
    assert state(plain.root) == before


@pytest.mark.parametrize(
    "variable", ["A;touch pwned", "A B", "a", "1A", "\xc4", "\uff21", "A\n", "A=B", ""]
)
def test_a_variable_that_is_no_plain_word_is_refused(variable, make_sample):
    sample = make_sample(
        f"[tool.portconf.services]\nweb.env = {toml(variable)}\n"
        f"[tool.portconf.env]\n{toml(variable)} = 'x'\n"
    )

    done = run("init", at=sample.root)

    assert_refused(done, 2, named="tool.portconf.services.web.env")
    assert len(done.err.splitlines()) >= 2
    assert not sample.plan_file.exists()


FILES = [
    "../x",
    "a/../../x",
    "./x",
    "a//b",
    "x/",
    "/x",
    "a\\b",
    ".git/hooks/x",
    ".GIT/config",
    "a/.git/x",
    ".git",
    "a\nb",
    "a\0b",
    "\x1b[2J",
    "",
    "pyproject.toml",
    ".gitignore",
    "x" * 300,
]


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_not_the_projects_own_is_refused(file, make_sample):
    keys = ["assignments", "dotenv", "compose-env", "shell-exports"]
    lines = [f"{key} = {toml(file)}" for key in keys]
    sample = make_sample("\n".join(["[tool.portconf]", *lines]), git=True)
    before = state(sample.root.parent, git=True)

    done = run("init", at=sample.root)

    assert_refused(done, 2)
    assert [key for key in keys if f"tool.portconf.{key} " in done.err] == keys
    assert state(sample.root.parent, git=True) == before


@pytest.mark.parametrize(
    ("link", "to"),
    [
        (".env", "../theirs/.env"),
        ("port_exports.sh", "../theirs/new"),
        ("config", "../theirs"),
        (".env", ".git/config"),
        (".env", ".git/hooks/pre-commit"),
        (".env.compose", ".git/hooks/pre-commit"),
        ("config", ".git/hooks"),
        (".env", "inner/.env"),
        (".env", "pyproject.toml"),
        (".env", ".gitignore"),
        (".env", ".env"),
    ],
)
def test_a_link_leads_to_no_file_that_is_not_ours(link, to, sample):
    (sample.root / ".gitignore").write_text("*.log\n")
    (sample.root.parent / "theirs").mkdir()
    (sample.root.parent / "theirs" / ".env").write_text("A=1\n")
    (sample.root / "inner" / ".git").mkdir(parents=True)  # another checkout
    (sample.root / link).symlink_to(to)
    before = state(sample.root.parent, git=True)

    done = run("init", at=sample.root)

    assert_refused(done, 4, named=link)
    after = state(sample.root.parent, git=True)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() <= {"shop/.git/portconf/lock"}


def test_a_link_to_a_file_whose_name_only_begins_like_gits_is_followed(sample):
    (sample.root / ".env").symlink_to(".github-env")

    assert run("init", at=sample.root).code == 0
    assert b"BASE_PORT=4000" in (sample.root / ".github-env").read_bytes()


def test_the_users_lines_are_kept_and_not_executed(sample):
    mine = b"A=$(touch pwned)\nB=`touch pwned`\n\0\xff\x1b[2J\nC='; touch pwned\n"
    (sample.root / ".env").write_bytes(mine)

    done = run("init", at=sample.root)

    assert done.code == 0
    assert_tame(done.err)
    assert (sample.root / ".env").read_bytes().startswith(mine)
    assert not (sample.root / "pwned").exists()


CARRIED = ["a b", "$(touch pwned)", "`touch pwned`", 'a"; touch pwned', "\xfc\u2603"]
REFUSED = [
    "it's",
    "a\nexport PATH=b",
    "a\\",
    "\x1b[2J",
    "${HOME}",
    os.fsdecode(b"\xff"),
]
SCRIPT_ONLY = "dotenv = false\ncompose-env = false\n"


@pytest.fixture
def make_folder(tmp_path):
    """Make a project in a folder of a hostile name."""

    def make(name: str, more: str = "") -> Path:
        folder: Path = tmp_path / name
        try:
            folder.mkdir()
        except OSError:
            pytest.skip("needs a file system that takes such a name")
        text = f"[tool.portconf]\nservices = ['web']\n{more}"
        (folder / "pyproject.toml").write_text(text)
        return folder

    return make


@pytest.mark.parametrize(
    ("name", "more"),
    [*((each, "") for each in CARRIED), *((each, SCRIPT_ONLY) for each in REFUSED)],
)
def test_a_folder_of_any_name_is_carried_to_every_shell(name, more, make_folder):
    folder = make_folder(name, more)

    codes = [run("init", at=folder).code for _ in range(3)]

    script = folder / "port_exports.sh"
    assert codes == [0, 0, 0]
    assert b"\nunset " not in script.read_bytes()
    printed = folder / "printed"
    printed.write_bytes(os.fsencode(run("export", "--format", "fish", at=folder).out))
    for shell, file in [*((each, script) for each in SHELLS), (FISH, printed)]:
        if not shell.missing:
            root = shell.read(file, ())["PORTCONF_ROOT"]
            assert root == os.path.realpath(folder), shell.name


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_env_files_cannot_name_is_refused_by_name(name, make_folder):
    folder = make_folder(name)
    before = state(folder)

    done = run("init", at=folder)

    assert_refused(done, 2, named="PORTCONF_ROOT cannot be written to .env")
    assert "\nhint: " in done.err
    left = {"config/.port_assignments.json.lock"}
    assert {k: v for k, v in state(folder).items() if k not in left} == before


@pytest.mark.parametrize("format_", ["json", "github", "powershell"])
def test_bytes_that_are_no_text_are_refused_where_only_text_fits(format_, make_folder):
    folder = make_folder(os.fsdecode(b"caf\xe9"), SCRIPT_ONLY)
    run("init", at=folder)

    done = run("export", "--format", format_, at=folder)

    assert_refused(done, 2, named="PORTCONF_ROOT cannot be written to the format")


def _plan(services: dict[str, dict[str, object]]) -> str:
    document = {"format": 1, "base_port": 4000, "next_port": 4001, "services": services}
    return json.dumps(document)


@pytest.fixture
def evil(make_sample):
    """A project whose kept purpose holds escape sequences."""
    sample = make_sample("[tool.portconf]\nservices = ['web']\n", git=True)
    sample.plan_file.parent.mkdir()
    sample.plan_file.write_text(_plan({"old": {"port": 4000, "purpose": EVIL}}))
    return sample


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status",), 0),
        (("why", "old"), 0),
        (("check",), 1),
        (("init", "--dry-run"), 0),
        (("init",), 0),
        (("release", "old"), 0),
        (("reset", "--yes"), 0),
    ],
)
def test_a_purpose_does_not_reach_the_terminal_raw(words, code, evil):
    done = run(*words, at=evil.root)

    assert done.code == code
    assert_tame(done.out + done.err)


@pytest.mark.parametrize("purpose", ["\x9b2J", "\u202e"])
def test_a_declared_purpose_is_refused_or_does_not_reach_the_terminal_raw(
    purpose, make_sample
):
    sample = make_sample(f"[tool.portconf.services]\nweb = {toml(purpose)}\n")

    done = run("status", at=sample.root)

    assert done.code in (0, 2)
    assert_tame(done.out + done.err)


@pytest.mark.parametrize(
    "words",
    [
        (EVIL,),
        ("get", EVIL),
        ("why", EVIL),
        ("add", EVIL),
        ("add", "x", "--purpose", EVIL),
        ("release", EVIL),
        ("export", "--format", EVIL),
        ("status", "-C", EVIL),
        ("status", "--lock-timeout", EVIL),
        ("status", EVIL),
    ],
)
def test_a_wrong_word_does_not_reach_the_terminal_raw(words, sample):
    assert_refused(run(*words, at=sample.root), 2, 3)


def test_a_drawn_table_shows_no_sequence_but_its_own_colours(make_folder):
    folder = make_folder("\x1b]0;owned\x07\x1b[2J", SCRIPT_ONLY)
    (folder / "config").mkdir()
    kept = _plan({"old": {"port": 4000, "purpose": EVIL}})
    (folder / "config" / "port_assignments.json").write_text(kept)

    shown = on_terminal("status", at=folder).out

    assert "owned" in shown
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert not {"\x07", "\x9b", "\u202e"} & set(shown)


def test_a_question_shows_no_sequence_of_the_folders_name(make_folder):
    folder = make_folder("\x1b]0;owned\x07", SCRIPT_ONLY)
    run("init", at=folder)

    shown = on_terminal("reset", at=folder, answer=("[y/N] ", "n\n")).out

    assert "owned" in shown
    assert not {"\x1b", "\x07"} & set(shown)


def test_what_git_says_of_a_file_does_not_reach_the_terminal_raw(make_sample):
    sample = make_sample(
        "[tool.portconf]\nservices = ['web']\ndotenv = 'a\u202eb'\n", git=True
    )

    assert_tame(run("init", at=sample.root).err)


MEGABYTES = 10_000_000


@contextmanager
def _seconds_of_work(most: float) -> Iterator[None]:
    """Fail if this process works longer, however busy the machine is."""
    before = time.process_time()
    yield
    assert time.process_time() - before < most


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[tool.portconf.services]\nweb = '{}'", "tool.portconf.services.web"),
        ("[tool.portconf.env]\nA = '{}'", "tool.portconf.env.A"),
    ],
)
def test_ten_megabytes_in_a_declaration_are_refused(text, named, make_sample):
    sample = make_sample(text.format("x" * MEGABYTES))

    with _seconds_of_work(5):
        done = run("init", at=sample.root)

    assert_refused(done, 2, named=named)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.portconf]\n{} = 1",
        "[tool.portconf.services]\n{} = ''",
        "[tool.portconf.services]\nweb.{} = ''",
        "[tool.portconf.services]\nweb.env = 'PORTCONF_{}'",
        "[tool.portconf.env]\nPORTCONF_{} = ''",
        "[tool.portconf.env]\nA = '{{{}}}'",
    ],
)
def test_a_long_name_is_cut_in_the_message(text, make_sample):
    sample = make_sample(text.format("X" * 5000))

    assert_refused(run("init", at=sample.root), 2, named="tool.portconf.")


def test_ten_megabytes_of_the_users_env_file_are_kept(make_sample):
    sample = make_sample()
    line = b"SECRET_%d='" + b"x" * 80 + b"'\n"
    mine = b"".join(line % number for number in range(MEGABYTES // 100))
    (sample.root / ".env").write_bytes(mine)

    with _seconds_of_work(5):
        done = run("init", at=sample.root)

    assert done.code == 0
    assert (sample.root / ".env").read_bytes().startswith(mine)


def test_ten_megabytes_in_the_assignments_are_carried(make_sample):
    sample = make_sample()
    sample.plan_file.parent.mkdir()
    kept = {"old": {"port": 4000, "purpose": "x" * MEGABYTES}}
    sample.plan_file.write_text(_plan(kept))

    with _seconds_of_work(5):
        done = run("init", at=sample.root)

    assert done.code == 0
    assert json.loads(sample.plan_file.read_text())["services"]["old"] == kept["old"]


def test_a_key_that_stands_twice_is_found_among_many(make_sample):
    sample = make_sample()
    sample.plan_file.parent.mkdir()
    keys = ", ".join(f'"k{number}": 1' for number in [*range(20_000), 19_999])
    sample.plan_file.write_text(f"{{{keys}}}")

    with _seconds_of_work(2):
        done = run("status", at=sample.root)

    assert_refused(done, 4, named="'k19999' twice")


DEEP = 10_000
NUMBER = "1" * 5000  # more digits than Python turns into an integer


@pytest.mark.parametrize(
    "value",
    [
        f"x = {'[' * DEEP}{']' * DEEP}",
        f"x = {'{a=' * DEEP}1{'}' * DEEP}",
        f"base-port{'.a' * 2000} = 1",
        f"services.web{'.a' * 2000} = 1",
        f"base-port = {NUMBER}",
        f"base-port = 0x{NUMBER}",
        "base-port = 1e999",
        "base-port = nan",
        "base-port = 2026-13-32",
    ],
)
def test_a_declaration_too_deep_or_too_large_is_refused(value, make_sample):
    sample = make_sample(f"[tool.portconf]\n{value}\n")

    assert_refused(run("init", at=sample.root), 2, named="pyproject.toml")


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP + "]" * DEEP,
        '{"services": ' * DEEP + "1" + "}" * DEEP,
        "[" * 900 + "]" * 900,
        f'{{"format": {NUMBER}}}',
        '{"format": 1e999}',
        '{"format": NaN}',
        "\0",
        "\ufeff{}",
        "\x1b[2J",
        '{"\\u001b[2J": 1}',
        "$(touch pwned)",
    ],
)
def test_assignments_that_are_no_plan_are_refused_and_left(text, sample):
    sample.plan_file.parent.mkdir()
    sample.plan_file.write_text(text, encoding="utf-8")
    before = state(sample.root)

    done = run("init", at=sample.root)

    assert_refused(done, 4, named="config/port_assignments.json")
    assert "\nhint: " in done.err
    assert state(sample.root) == before


def test_half_a_character_in_the_assignments_is_refused_or_carried(sample):
    sample.plan_file.parent.mkdir()
    sample.plan_file.write_text(_plan({"old": {"port": 4000, "purpose": "\ud800"}}))

    for words in (("status",), ("init",), ("status", "--json"), ("why", "old")):
        assert run(*words, at=sample.root).code in (0, 4)


@pytest.mark.parametrize(
    "other",
    [
        f"a{'.a' * 800} = 1",
        f"a = {'[' * 300}{']' * 300}",
        f"a = [{'{b = 1}, ' * 300}]",
    ],
)
@pytest.mark.parametrize("words", [("add", "db"), ("release", "web")])
def test_a_deep_table_of_another_tool_is_kept_or_refused(words, other, make_sample):
    sample = make_sample(
        f"[tool.portconf]\nservices = ['web']\n[tool.other]\n{other}\n"
    )

    done = run(*words, at=sample.root)

    assert done.code in (0, 2)
    assert f"[tool.other]\n{other}\n" in (sample.root / "pyproject.toml").read_text()
    assert_tame(done.err)


GENERATED = [
    ".env",
    ".env.compose",
    "port_exports.sh",
    "config/port_assignments.json",
]


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        *((os.mkdir, file) for file in GENERATED),
        *((os.mkfifo, file) for file in [*GENERATED, "config"]),
    ],
)
def test_what_is_no_regular_file_is_refused_by_name(kind, file, sample):
    path = sample.root / file
    path.parent.mkdir(exist_ok=True)
    kind(path)

    done = run("init", at=sample.root)

    assert_refused(done, 4, named=file)


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _forbidden(path: Path) -> None:
    path.touch(mode=0)
    if os.access(path, os.R_OK):
        pytest.skip("needs a user who may not read everything")


def _binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


def _nul(path: Path) -> None:
    path.write_bytes(b"[tool.portconf]\n\0")


def _empty(path: Path) -> None:
    path.touch()


def _of_another(path: Path) -> None:
    path.write_text("tool = 1\n")


@pytest.mark.parametrize(
    "make",
    [_folder, _pipe, _loop, _dangling, _forbidden, _binary, _nul, _empty, _of_another],
)
def test_a_pyproject_that_declares_nothing_is_told(make, tmp_path):
    make(tmp_path / "pyproject.toml")
    # Only a process of its own can be stopped where it hangs.
    do = _process if make is _pipe else run

    assert_refused(do("status", at=tmp_path), 2, named="pyproject.toml")
    if make is not _empty:
        assert_refused(do("add", "web", at=tmp_path), 2, named="pyproject.toml")


@pytest.mark.parametrize("content", [b"", b"\xff\0", b"gitdir: a\0b", b"gitdir: .git"])
def test_a_git_file_that_names_no_folder_counts_as_none(content, make_sample):
    sample = make_sample()
    (sample.root / ".git").write_bytes(content)

    told = run("init", at=sample.root)

    # Perhaps a worktree's whose file was spoilt: not the main checkout's ports.
    assert told.code == 0
    assert run("get", "redis", at=sample.root).out == "20003\n"
    assert "instance 1): every port is shifted by 16000, because " in told.err


def test_a_pipe_in_the_place_of_git_does_not_hang(make_sample):
    sample = make_sample()
    os.mkfifo(sample.root / ".git")

    assert _process("init", at=sample.root).code == 0


def _process(
    *words: str,
    at: Path,
    first: str = ":",
    redirect: str = "",
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run the command in a process of its own, by a shell that prepares its ground."""
    done = subprocess.run(
        ["sh", "-c", f'{first} && exec "$@" {redirect}', "sh", *PORTCONF, *words],
        cwd=at,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    err = done.stderr.decode("utf-8", "surrogateescape")
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return Ran(done.returncode, done.stdout.decode("utf-8", "surrogateescape"), err)


LOCALES = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"},
]


@pytest.fixture
def umlaut(make_sample):
    """A project that says things beyond ASCII."""
    sample = make_sample(
        "[tool.portconf.services]\nweb = 'K\xfcche \u2603'\n"
        "[tool.portconf.env]\nA = 'K\xfcche \u2603 {web}'\n"
    )
    sample.project.init()
    return sample


@pytest.mark.parametrize(
    ("locale", "redirect"), [(LOCALES[0], ""), (LOCALES[1], "> shown")]
)
def test_people_are_told_in_any_locale(locale, redirect, umlaut):
    done = _process("status", at=umlaut.root, redirect=redirect, env=locale)

    assert done.code == 0
    assert done.err == ""


@pytest.mark.parametrize("locale", LOCALES)
def test_programs_get_the_same_bytes_in_any_locale(locale, umlaut):
    words = ("export", "--format", "sh")

    done = _process(*words, at=umlaut.root, redirect="> printed", env=locale)

    assert done.code == 0
    (header, script), (first, printed) = (
        (umlaut.root / name).read_bytes().split(b"\n", 1)
        for name in ("port_exports.sh", "printed")
    )
    assert header.startswith(b"# Generated by portconf.")
    assert first.startswith(b': "Generated by portconf.')
    assert printed == script


@pytest.mark.parametrize(
    ("words", "redirect", "codes"),
    [
        (("init",), "<&-", {0}),
        (("status",), ">&-", {0, 1}),
        (("init",), "2>&-", {0}),
        (("init",), ">&- 2>&- <&-", {0}),
        (("get", "nope"), "2>&-", {3}),
    ],
)
def test_closed_streams_cost_neither_the_files_nor_the_exit_code(
    words, redirect, codes, make_sample
):
    sample = make_sample()

    done = _process(*words, at=sample.root, redirect=redirect)

    assert done.code in codes
    assert done.out == ""
    if words == ("init",):
        assert run("check", at=sample.root).code == 0


def test_nothing_is_dropped_where_nobody_can_be_asked(sample):
    sample.project.init()
    before = state(sample.root)

    done = _process("reset", at=sample.root, redirect="<&-")

    assert_refused(done, 2, named="--yes")
    assert state(sample.root) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", [("status",)])
def test_a_full_output_is_told(words, sample):
    done = _process(*words, at=sample.root, redirect="> /dev/full")

    assert_refused(done, 1, named="cannot write the answer")


@pytest.mark.parametrize("words", [("status",), ("init",)])
def test_a_reader_that_has_left_is_no_error_to_tell(words, sample):
    sample.project.init()
    readable, writable = os.pipe()
    os.close(readable)
    with os.fdopen(writable, "wb") as gone:
        done = subprocess.run(
            [*PORTCONF, *words],
            cwd=sample.root,
            env=unmeasured(),
            stdin=subprocess.DEVNULL,
            stdout=gone,
            stderr=gone if words == ("init",) else subprocess.PIPE,
            timeout=30,
            check=False,
        )

    assert done.returncode in (0, 141)
    assert not done.stderr


def test_ctrl_c_while_waiting_for_the_lock_is_130(sample):
    lock = sample.root / ".git" / "portconf" / "lock"
    lock.parent.mkdir()
    with FileLock(lock):
        waiting = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "portconf", "init"],
            cwd=sample.root,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr
        # Only who takes the lock imports it.
        assert any("| filelock\n" in line for line in waiting.stderr)
        waiting.send_signal(signal.SIGINT)
        _, told = waiting.communicate(timeout=30)

    assert waiting.returncode == 130
    assert "Traceback" not in told
    assert not sample.plan_file.exists()


@pytest.mark.parametrize("first", ["unset HOME", "HOME=/dev/null"])
def test_no_home_is_needed(first, make_sample, monkeypatch):
    for name in ("STATE", "CACHE", "CONFIG", "DATA"):
        monkeypatch.delenv(f"XDG_{name}_HOME")
    sample = make_sample()

    assert _process("init", at=sample.root, first=first).code == 0


@pytest.mark.parametrize(
    ("words", "code"), [(("status",), 2), (("get", "web"), 2), (("status", "-C"), 0)]
)
def test_a_current_folder_that_is_gone_is_told(words, code, sample, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    there = [str(sample.root)] if "-C" in words else []

    done = _process(*words, *there, at=gone, first=f"rmdir '{gone}'")

    assert done.code == code
    assert code == 0 or "does not exist any more" in done.err
