"""The texts; that the real programs read them back is tested with these programs."""

import json

import pytest
import views

from portconf import formats
from portconf.formats.posix import quote, text
from portconf.marks import HEADER


HARMLESS = {
    "WEB_PORT": "4000",
    "URL": "http://127.0.0.1:4000/a,b@c%20+d-f_g",
    "EMPTY": "",
}
# What stands before the variables: our line, and what another checkout may have left.
HEADS = {
    "sh": (
        f': "{HEADER}";\n'
        '[ "${PORTCONF_INSTANCE:-0}" = 0 ] || unset COMPOSE_PROJECT_NAME;'
        " unset PORTCONF_RUN;\n"
    ),
    "dotenv": f"# {HEADER}\n",
    "fish": (
        f"# {HEADER}\n"
        "contains -- \"$PORTCONF_INSTANCE\" '' 0; or set -eg COMPOSE_PROJECT_NAME\n"
        "set -eg PORTCONF_RUN\n"
    ),
    "powershell": (
        f"# {HEADER}\n"
        "if (\"$env:PORTCONF_INSTANCE\" -notin '', '0')"
        " { $env:COMPOSE_PROJECT_NAME = $null }\n"
        "$env:PORTCONF_RUN = $null\n"
    ),
    # Nothing that its reader would not take for a variable.
    "github": "",
}
SPECIAL = 'a b $HOME `id` $(id) "x" #;&|<>*?[]!~^ \t ä🐘'
TEXTS = {
    "sh": f"export A='{SPECIAL}'\n",
    "dotenv": f"A='{SPECIAL}'\n",
    "fish": f"set -gx A '{SPECIAL}'\n",
    "powershell": f"$env:A = '{SPECIAL}'\n",
    "json": json.dumps({"A": SPECIAL}, indent=2) + "\n",
    "github": f"A={SPECIAL}\n",
}


def render(name: str, variables: dict[str, str]) -> str:
    """Return what is written of the variables."""
    found = views.text(name, views.view(variables=variables))
    head = HEADS.get(name, "")
    assert found.startswith(head)
    return found.removeprefix(head)


@pytest.mark.parametrize("name", TEXTS)
def test_every_format_quotes_what_its_reader_would_take_for_something_else(name):
    assert render(name, {"A": SPECIAL}) == TEXTS[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sh", "export WEB_PORT=4000\nexport URL={URL}\nexport EMPTY=''\n"),
        ("dotenv", "WEB_PORT=4000\nURL={URL}\nEMPTY=''\n"),
        ("fish", "set -gx WEB_PORT '4000'\nset -gx URL '{URL}'\nset -gx EMPTY ''\n"),
        (
            "powershell",
            "$env:WEB_PORT = '4000'\n$env:URL = '{URL}'\n$env:EMPTY = ''\n",
        ),
        ("github", "WEB_PORT=4000\nURL={URL}\nEMPTY=\n"),
    ],
)
def test_variables_come_one_a_line_in_their_order(name, expected):
    assert render(name, HARMLESS) == expected.replace("{URL}", HARMLESS["URL"])


def test_json_is_one_object_of_texts_in_order():
    text = render("json", HARMLESS)

    assert list(json.loads(text).items()) == list(HARMLESS.items())
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("sh", "it's", "export A='it'\\''s'\n"),
        ("sh", "back\\slash", "export A='back\\slash'\n"),
        ("sh", "two\nlines", "export A='two\nlines'\n"),
        ("fish", "it's \\", "set -gx A 'it\\'s \\\\'\n"),
        ("powershell", "it's", "$env:A = 'it''s'\n"),
        ("powershell", "‘’‚‛", "$env:A = '‘‘’’‚‚‛‛'\n"),  # noqa: RUF001 - quotes there
        ("github", "'a' \\b", "A='a' \\b\n"),
    ],
)
def test_a_quote_cannot_end_the_text(name, value, expected):
    assert render(name, {"A": value}) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "a\0b") for name in TEXTS if name != "json"),
        ("dotenv", "it's"),
        ("dotenv", "a\\"),
        ("dotenv", "a\nb"),
        ("dotenv", "a\rb"),
        ("dotenv", "\x1b"),
        ("dotenv", "caf\udce9"),
        # python-dotenv expands it inside single quotes too, the others do not.
        ("dotenv", "a${HOME}b"),
        ("github", "a\nPATH=/evil"),
        ("github", "a\n"),
        ("github", "a\rb"),
    ],
)
def test_what_the_readers_would_not_all_get_back_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=r"^BAD$"):
        render(name, {"GOOD": "1", "BAD": value})


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "RUNNER_OS"])
def test_github_lets_nobody_set_its_own_variables(variable):
    with pytest.raises(ValueError, match=f"^{variable}$"):
        render("github", {variable: "1"})


@pytest.mark.parametrize("name", TEXTS)
def test_no_variables_are_no_lines(name):
    assert render(name, {}) == ("{}\n" if name == "json" else "")


def test_what_the_snapshot_answers_is_what_the_format_gives():
    assert text(HARMLESS) == views.text("sh", views.view(variables=HARMLESS))


def test_no_format_has_the_name_of_a_file_that_is_written_otherwise():
    # `port_exports.sh`, which the declaration names, has other content.
    assert [*formats.load("sh").render(views.view(variables={}))] == ["portconf.sh"]


def test_there_is_no_other_format():
    with pytest.raises(KeyError, match="yaml"):
        formats.load("yaml")


def test_a_word_of_a_shell_is_quoted_only_where_it_has_to_be():
    assert quote("/usr/bin:a@b") == "/usr/bin:a@b"
    assert quote("~") == "'~'"
    assert quote("=ls") == "'=ls'"  # which zsh would take for the path of ls
    assert quote("ä") == "'ä'"
    assert quote("") == "''"
