"""Formats by their names: ours, another package's, and what they refuse."""

import re
from types import SimpleNamespace

import pytest
import views

from portconf import formats, rendering
from portconf.errors import ConfigError, UsageError


WEB = views.endpoint("web", 4000)


@pytest.fixture
def register(monkeypatch):
    """Register formats as an installed package does, by name."""

    def register(**found):
        points = {
            name: SimpleNamespace(load=lambda it=it: it() if callable(it) else it)
            for name, it in found.items()
        }
        group = type("Points", (dict,), {"names": property(set)})
        monkeypatch.setattr(formats, "_registered", lambda: group(points))

    return register


@pytest.mark.parametrize("name", ["dotenv", "json"])
def test_a_path_that_is_no_text_is_refused_by_formats_of_text(name):
    view = views.view(variables={"PORTCONF_ROOT": "/home/you/caf\udce9"})

    with pytest.raises(ConfigError, match=r"^PORTCONF_ROOT cannot be written to "):
        rendering.rendered(name, view)


@pytest.mark.parametrize("name", ["sh", "dotenv", "fish", "powershell", "github"])
def test_a_value_that_a_format_cannot_carry_is_refused_with_the_format(name):
    view = views.view(variables={"WEB_PORT": "1", "BAD": "\0"})

    with pytest.raises(ConfigError, match=r"^BAD cannot be written to the format "):
        rendering.rendered(name, view)


def test_a_format_of_another_package_is_given_everything(register):
    register(mine=SimpleNamespace(render=lambda view: {"a": str(view.site.endpoints)}))

    found = rendering.rendered("mine", views.view(WEB))

    assert found == {"a": str((WEB,))}


def test_a_format_that_nobody_has_is_refused_with_near_names(register):
    register(mine=SimpleNamespace())

    with pytest.raises(UsageError) as caught:
        rendering.rendered("mime", views.view(WEB))

    assert str(caught.value) == "no format is named 'mime'; did you mean 'mine'?"
    assert {"mine", "dotenv"} <= {*re.findall(r"\w+", str(caught.value.hint))}


def leaves(*_):
    raise SystemExit("no room")


@pytest.mark.parametrize("given", [leaves, SimpleNamespace(render=leaves)])
def test_a_format_that_ends_the_program_is_told_and_ends_nothing(register, given):
    register(mine=given)

    with pytest.raises(ConfigError, match="no room"):
        rendering.rendered("mine", views.view(WEB))


def raises():
    raise ImportError("No module named 'gone'")


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (raises, "cannot be loaded: No module named 'gone'"),
        ({}, "returns no file"),
        ({"../up": ""}, "returns '../up', which is no name of a file"),
        ({1: ""}, "returns 1, which is no name of a file"),
        ({".git/hooks/pre-push": ""}, "returns '.git/hooks/pre-push', which is no"),
        ({"a": b"bytes"}, "returns no text for 'a'"),
        ({"a": "\ud800"}, "returns no text for 'a'"),
        ({"a": "", "a/b": ""}, "returns 'a' as a file and as a folder"),
        (None, "fails: TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_a_format_that_is_wrong_is_told_to_be_another_packages(register, found, what):
    given = found if found is raises else SimpleNamespace(render=lambda _: found)
    register(mine=given)

    with pytest.raises(ConfigError) as caught:
        rendering.rendered("mine", views.view(WEB))

    assert str(caught.value).startswith(f"the format 'mine' {what}")
