import pytest

from portconf.kinds import Problem
from portconf.templates import Template, unwritable


PORTS = {"web": 4000, "a.b": 4001, "x[0]": 4002}


@pytest.mark.parametrize(
    ("text", "services", "filled"),
    [
        ("", (), ""),
        ("plain", (), "plain"),
        ("http://127.0.0.1:{web}/", ("web",), "http://127.0.0.1:4000/"),
        ("{web},{a.b},{web}", ("web", "a.b", "web"), "4000,4001,4000"),
        ("{{web}}", (), "{web}"),
        ("{{{web}}}", ("web",), "{4000}"),
        ("a\tb", (), "a\tb"),
        ("$HOME `id` $(id) #;&|", (), "$HOME `id` $(id) #;&|"),
    ],
)
def test_a_template_names_services_and_is_filled(text, services, filled):
    template = Template.parse("URL", text)

    assert template.services == services
    assert template.fill(PORTS) == filled


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{}", "{0.x", "{web!r}", "{web:>9}", "{web:{a.b}}", "{web}}", "{a{b}"],
)
def test_anything_but_a_name_in_braces_is_refused(text):
    with pytest.raises(Problem, match=r"must hold services as '{name}'"):
        Template.parse("URL", text)


@pytest.mark.parametrize("text", [None, 4000, True, ["x"], {"x": 1}])
def test_a_template_is_text(text):
    with pytest.raises(Problem, match="must be text, got"):
        Template.parse("URL", text)


@pytest.mark.parametrize(
    "character",
    ["'", "\\", "\n", "\r", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"],
)
def test_a_character_that_env_files_carry_differently_is_refused(character):
    text = f"a{character}b"

    assert unwritable(text) == character
    with pytest.raises(Problem, match="must not contain") as caught:
        Template.parse("URL", text)
    assert str(caught.value).isprintable()


def test_what_env_files_carry_alike_is_writable():
    assert unwritable('äöü 🐘 \t "$x" #=&?;') is None


def test_a_template_may_not_outgrow_an_environment():
    assert Template.parse("URL", "x" * 4000).fill({}) == "x" * 4000
    with pytest.raises(Problem, match="at most 4000 characters, got 4001"):
        Template.parse("URL", "x" * 4001)


def test_a_template_is_not_filled_without_its_services():
    with pytest.raises(KeyError, match="web"):
        Template.parse("URL", "{web}").fill({})
