"""Command lines as people read them, and what importing the package costs."""

import shlex
import subprocess
import sys

import pytest
from capability import unmeasured

from portconf import sockets
from portconf.sockets.words import command


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["python", "-m", "http.server"], "python -m http.server"),
        (["serve", "--name", "my shop"], "serve --name 'my shop'"),
        (["nginx: master process nginx"], "nginx: master process nginx"),
        (["python", "-c", "a\nb\tc"], "python -c 'a b c'"),
        (["x", "\x1b[31mred\x07"], "x '?[31mred?'"),
        (["x", "a\u202eb\u200b"], "x 'a?b?'"),
        (["x", "\ufffd"], "x '\ufffd'"),
        (["x", "\udcff"], "x '?'"),
        ([], "[kworker]"),
    ],
)
def test_a_command_line_is_one_line_that_can_be_shown(arguments, shown):
    assert command(arguments, "kworker") == shown
    assert command(arguments, "kworker").isprintable()


def test_a_command_line_that_could_be_shown_whole_can_be_run():
    arguments = ["sh", "-c", "echo $HOME 'x'", "ünï", ""]

    assert shlex.split(command(arguments, "sh")) == arguments


def test_a_long_command_line_is_cut():
    shown = command(["python", *["word"] * 1000], "python")

    assert len(shown) == 200
    assert shown.startswith("python word word")
    assert shown.endswith("...")


def test_the_package_loads_neither_socket_nor_psutil_before_it_is_asked():
    program = "import portconf.sockets, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=unmeasured(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())

    assert loaded.isdisjoint({"socket", "psutil", "struct", "http.client", "shlex"})
    assert not [name for name in loaded if name.startswith("portconf.sockets.")]


def test_what_is_public_is_there_and_nothing_else():
    assert sockets.__all__ == sorted(sockets.__all__)
    for name in sockets.__all__:
        assert getattr(sockets, name).__name__ == name
    assert dir(sockets) == sockets.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(sockets, "nothing")  # noqa: B009 - or a checker refuses it first
