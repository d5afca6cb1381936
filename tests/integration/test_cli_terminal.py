"""The command on a real terminal: drawing, colours, questions, Ctrl-C."""

import re

import pytest
from commandline import on_terminal, run, state


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[\d;]*)(?:;\d+)*m")
QUESTION = "drop the ports of 7 services in {}? [y/N] "


@pytest.fixture
def ready(sample):
    assert run("init", at=sample.root).code == 0
    return sample


def test_a_status_on_a_terminal_is_a_coloured_table(ready):
    shown = on_terminal("status", at=ready.root)

    assert shown.code == 0
    assert COLOUR.search(shown.out)
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown.out).splitlines()
    top = next(index for index, line in enumerate(lines) if line.startswith("╭"))
    title, drawing, footer = lines[:top], lines[top:-1], lines[-1]
    assert "".join(line.strip() for line in title) == str(ready.root)
    assert re.search(
        r"│ redis +│ 4003 │ REDIS_PORT +│ free +│ Redis Cache", "\n".join(drawing)
    )
    assert footer.strip() == "next port: 4007"
    assert {len(line) for line in drawing} == {len(drawing[0])}


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_wants_no_colour_gets_none(ready, env):
    shown = on_terminal("status", at=ready.root, env=env)

    assert "╭" in shown.out
    assert not COLOUR.search(shown.out)


def test_a_terminal_of_ascii_gets_a_plain_frame_and_escapes(make_sample):
    sample = make_sample('[tool.portconf.services]\nweb = "Größe"')
    run("init", at=sample.root)

    shown = on_terminal("status", at=sample.root, env={"PYTHONIOENCODING": "ascii"})

    assert shown.code == 0
    assert r"Gr\xf6\xdfe" in shown.out
    assert "+---" in shown.out


def test_a_pipe_gets_no_table(ready):
    shown = ready.run("status")

    assert "╭" not in shown.stdout
    assert "\x1b" not in shown.stdout


def test_a_dry_run_on_a_terminal_is_a_coloured_diff(ready):
    shown = on_terminal("add", "web", "--dry-run", at=ready.root)

    assert "\x1b[32m+WEB_PORT=4007\x1b[0m\n" in shown.out


@pytest.mark.parametrize("typed", ["y\n", "YES\n"])
def test_reset_drops_the_plan_where_the_answer_is_yes(ready, typed):
    question = QUESTION.format(ready.root)

    shown = on_terminal("reset", at=ready.root, answer=("[y/N] ", typed))

    assert shown.code == 0
    assert shown.out.startswith(question)
    assert "portconf: redis: gave 4003 up\n" in shown.out
    assert ready.project.plan().services == {}


@pytest.mark.parametrize("typed", ["n\n", "\n", "yep\n", "\x04"])
def test_reset_drops_nothing_where_the_answer_is_not_yes(ready, typed):
    before = state(ready.root)

    shown = on_terminal("reset", at=ready.root, answer=("[y/N] ", typed))

    assert shown.code == 2
    assert "portconf: nothing was dropped\n" in shown.out
    assert state(ready.root) == before


def test_ctrl_c_at_the_question_ends_with_130(ready):
    before = state(ready.root)

    shown = on_terminal("reset", at=ready.root, answer=("[y/N] ", "\x03"))

    assert shown.code == 130
    assert "Traceback" not in shown.out
    assert state(ready.root) == before


def test_a_reset_that_is_agreed_to_asks_nothing(ready):
    shown = on_terminal("reset", "--yes", at=ready.root)

    assert shown.code == 0
    assert "[y/N]" not in shown.out
