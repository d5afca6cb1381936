"""`portconf.cli.tables` and the parser of `portconf.cli.dispatch`."""

import io
from contextlib import redirect_stdout

import pytest

from portconf.cli import VERBS, dispatch, plain, tables
from portconf.errors import UsageError
from portconf.reports import FileChange


HEAD = ("service", "port")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A standard output that is a terminal, for as long as it is entered."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    return redirect_stdout(Terminal())


@pytest.mark.parametrize(
    ("environment", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
    ids=str,
)
def test_colours_go_where_they_are_wanted(
    monkeypatch, environment, on_terminal, in_pipe
):
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert tables.colourful(Terminal()) is on_terminal
    assert tables.colourful(io.StringIO()) is in_pipe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 漢字", "Größe 漢字"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("one\ntwo", r"one\ntwo"),
        ("\u202eevil", r"\u202eevil"),
    ],
)
def test_what_would_move_the_cursor_is_spelt_out(text, shown):
    assert plain(text) == shown


def test_a_table_in_a_pipe_is_aligned_columns():
    text = tables.table("shop", HEAD, [("web", "4000"), ("a\nb", "-")], footer="end")

    assert text == "service  port\nweb      4000\na\\nb     -\n"


def test_a_table_without_rows_is_its_head():
    assert tables.table("shop", HEAD, [], footer="end") == "service  port\n"


def test_a_table_on_a_terminal_is_drawn(terminal):
    with terminal:
        text = tables.table("shop", HEAD, [("[red]web", "4000")], footer="end")

    lines = text.splitlines()
    assert "shop" in lines[0]
    assert "╭" in lines[1]
    assert "[red]web" in lines[4]
    assert "end" in lines[6]
    assert "\x1b[" in lines[4]


def test_a_table_wider_than_the_terminal_keeps_the_ports_whole(terminal):
    rows = [("web", "4000", "WEB_PORT", "a purpose that is much too long " * 5)]
    head = ("service", "port", "variable", "purpose")

    with terminal:
        text = tables.table("shop", head, rows, footer="end")

    assert any("4000" in line and "WEB_PORT" in line for line in text.splitlines())


def test_a_diff_names_new_and_changed_files():
    changes = [
        FileChange(name=".env", before=None, after=b"A=1\n"),
        FileChange(name="b", before=b"one\n\ttwo\n", after=b"one\n\tthree\n"),
    ]

    assert tables.diff(changes).splitlines() == [
        "--- /dev/null",
        "+++ b/.env",
        "@@ -0,0 +1 @@",
        "+A=1",
        "--- a/b",
        "+++ b/b",
        "@@ -1,2 +1,2 @@",
        " one",
        "-    two",
        "+    three",
    ]


def test_a_diff_of_an_env_file_shows_nothing_of_the_users():
    before = b"SECRET=1\nWEB_PORT=80\nTOKEN=2\n"
    after = b"SECRET=1\nTOKEN=2\n"
    changes = [FileChange(name=".env", before=before, after=after, private=True)]

    text = tables.diff(changes)

    assert "-WEB_PORT=80\n" in text
    assert "SECRET" not in text
    assert "TOKEN" not in text


def test_a_diff_escapes_what_a_file_hides():
    changes = [FileChange(name="b", before=b"", after=b"\x1b[2J\xff\n")]

    assert "+\\x1b[2J\ufffd\n" in tables.diff(changes)


def test_a_diff_on_a_terminal_is_coloured(terminal):
    with terminal:
        text = tables.diff([FileChange(name="b", before=b"old\n", after=b"new\n")])

    assert "\x1b[31m-old\x1b[0m\n\x1b[32m+new\x1b[0m\n" in text


@pytest.mark.parametrize(
    "words",
    [
        "-C here --json --lock-timeout 2.5 status",
        "status -C here --json --lock-timeout=2.5",
        "--json status --lock-timeout 2.5 -Chere",
    ],
)
def test_common_options_stand_before_the_verb_or_after(words):
    options = dispatch.parser(("status",)).parse_args(words.split())

    assert options.verb == "status"
    assert (options.directory, options.json, options.lock_timeout) == (
        "here",
        True,
        2.5,
    )


def test_the_parser_of_one_verb_loads_no_other(monkeypatch):
    verb = dispatch.verb
    known = {"get": verb("get")}
    monkeypatch.setattr(dispatch, "verb", known.__getitem__)

    assert dispatch.parser(("get",)).parse_args(["get", "web"]).name == "web"
    with pytest.raises(KeyError):
        dispatch.parser(("status",))


def test_every_verb_has_a_module_and_a_line_of_help():
    top = dispatch.parser()

    for name, about in VERBS.items():
        assert f"  {name} " in top.format_help()
        assert about in " ".join(top.format_help().split())
        assert str(dispatch.verb(name).__doc__).startswith(f"`{name}`: ")


@pytest.mark.parametrize("words", ["get", "get a b", "status --bogus", "why -C"])
def test_a_wrong_command_line_raises(words):
    with pytest.raises(UsageError) as caught:
        dispatch.parser().parse_args(words.split())

    assert str(caught.value.hint).endswith("--help' shows what there is")
