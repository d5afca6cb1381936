"""Shells and services that read variables; the real programs have tests of their own."""

import pytest
import views

from portconf import rendering
from portconf.errors import ConfigError
from portconf.marks import HEADER


HARMLESS = {"WEB_PORT": "4000", "URL": "http://127.0.0.1:4000/a?b=c&d", "EMPTY": ""}
# `eval` gets all lines as one, of which a comment would leave nothing.
TCSH = (
    f': "{HEADER}";\n'
    "if ( $?PORTCONF_INSTANCE == 0 ) setenv PORTCONF_INSTANCE 0;\n"
    'if ( "$PORTCONF_INSTANCE" != 0 ) unsetenv COMPOSE_PROJECT_NAME;\n'
    "unsetenv PORTCONF_RUN;\n"
)
TEXTS = {
    "tcsh": f"{TCSH}setenv WEB_PORT '4000';\nsetenv URL '{{URL}}';\nsetenv EMPTY '';\n",
    "nushell": (
        f"# {HEADER}\nexport-env {{{{\n"
        '    if ($env.PORTCONF_INSTANCE? | default "0") != "0" {{\n'
        "        hide-env --ignore-errors COMPOSE_PROJECT_NAME\n    }}\n"
        "    hide-env --ignore-errors PORTCONF_RUN\n"
        '    $env.WEB_PORT = "4000"\n    $env.URL = "{URL}"\n    $env.EMPTY = ""\n}}\n'
    ),
    "systemd": f"# {HEADER}\nWEB_PORT=4000\nURL='{{URL}}'\nEMPTY=''\n",
    "gitlab": "WEB_PORT=4000\nURL={URL}\nEMPTY=\n",
}


def render(name: str, variables: dict[str, str]) -> str:
    return views.text(name, views.view(variables=variables))


@pytest.mark.parametrize("name", TEXTS)
def test_variables_come_one_a_line_in_their_order(name):
    assert render(name, HARMLESS) == TEXTS[name].format(URL=HARMLESS["URL"])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("tcsh", "it's", "setenv A 'it'\\''s';"),
        ("tcsh", "^x %1 `id` $HOME", "setenv A '^x %1 `id` $HOME';"),
        ("nushell", 'say "x" \\', '$env.A = "say \\"x\\" \\\\"'),
        ("nushell", "$HOME (ls)", '$env.A = "$HOME (ls)"'),
        ("nushell", "a\nb\t\x1b\u2028", '$env.A = "a\\nb\\t\\u{1b}\\u{2028}"'),
        ("systemd", '$HOME \\ "x" `id`', "A='$HOME \\ \"x\" `id`'"),
        (
            "systemd",
            'it\'s $HOME \\ "x" `id`',
            'A="it\'s \\$HOME \\\\ \\"x\\" \\`id\\`"',
        ),
        ("systemd", "two\nlines", "A='two\nlines'"),
        ("gitlab", "a#b;c&d*%20", "A=a#b;c&d*%20"),
    ],
)
def test_a_quote_cannot_end_the_text(name, value, expected):
    assert expected in render(name, {"A": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "a\0b") for name in TEXTS),
        ("tcsh", "two\nlines"),
        ("tcsh", "a\rb"),
        ("tcsh", "back\\slash"),
        ("tcsh", "a!b"),
        ("systemd", "\ufeff"),
        ("systemd", "\ufdd0"),
        ("systemd", "\U0001fffe"),
        ("gitlab", "two words"),
        ("gitlab", "a\u00a0b"),
        ("gitlab", "two\nlines"),
        ("gitlab", "a\tb"),
        ("gitlab", "it's"),
        ("gitlab", 'say "x"'),
        ("gitlab", "$HOME"),
        ("gitlab", "%PATH%"),
        ("gitlab", "\x1b"),
    ],
)
def test_what_the_reader_would_not_get_back_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=r"^BAD$"):
        render(name, {"GOOD": "1", "BAD": value})


def test_github_ends_a_step_that_sets_node_s_options():
    with pytest.raises(ValueError, match=r"^NODE_OPTIONS$"):
        render("github", {"NODE_OPTIONS": "--require=x"})


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {f"V{number}": "x" * 100 for number in range(50)},
            "the format gitlab cannot be written: GitLab takes less than 5120 bytes",
        ),
        (
            {f"V{number}": "x" for number in range(151)},
            "GitLab takes at most 150 variables, and there are 151",
        ),
    ],
)
def test_gitlab_takes_no_more_than_so_much(variables, told):
    with pytest.raises(ConfigError, match=told):
        rendering.rendered("gitlab", views.view(variables=variables))


@pytest.mark.parametrize("name", ["nushell", "systemd", "gitlab", "vscode"])
def test_a_path_that_is_no_text_is_refused_where_text_is_wanted(name):
    with pytest.raises(ConfigError, match="PORTCONF_ROOT cannot be written"):
        rendering.rendered(name, views.view(variables={"PORTCONF_ROOT": "caf\udce9"}))


def test_tcsh_gets_a_path_that_is_no_text_as_its_bytes():
    found = rendering.rendered("tcsh", views.view(variables={"R": "caf\udce9"}))

    assert found == {"portconf.csh": f"{TCSH}setenv R 'caf\udce9';\n"}
