"""What a text says; the real programs have tests of their own."""

import json
import re
import shlex

import pytest
import views
from hypothesis import given, strategies as st


VARIABLES = st.dictionaries(
    st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True),
    st.text("'\"\\$`{} \t\nab#;\u2019=\0", max_size=6) | st.text(max_size=6),
    max_size=3,
)


def rendered(name: str, variables: dict[str, str]) -> str | None:
    """Return the variables' text, or None where one is refused by its name."""
    head = "" if name == "json" else views.text(name, views.view(variables={}))
    try:
        found = views.text(name, views.view(variables=variables))
        assert found.startswith(head)
        return found.removeprefix(head)
    except ValueError as error:
        refused = str(error)
    assert refused in variables
    return None


@given(VARIABLES)
def test_a_shell_gets_every_value_back_as_one_word(variables):
    text = rendered("sh", variables)

    if text is not None:
        words = [f"{name}={value}" for name, value in variables.items()]
        assert shlex.split(text) == [x for word in words for x in ("export", word)]


@given(VARIABLES)
def test_an_env_file_has_one_line_a_variable_bare_or_in_single_quotes(variables):
    text = rendered("dotenv", variables)

    if text is not None:
        lines = text.split("\n")[:-1]
        values = [re.fullmatch(r"[A-Z_0-9]+=(?:'([^']*)'|([^' #]*))", x) for x in lines]
        assert [x and (x[1] or x[2] or "") for x in values] == [*variables.values()]
        assert all(character not in text for character in "\\\0\r")


@given(VARIABLES)
def test_github_gets_one_line_a_variable_as_it_stands(variables):
    text = rendered("github", variables)

    if text is not None:
        assert text == "".join(f"{k}={v}\n" for k, v in variables.items())
        assert text.count("\n") == len(variables)


@given(VARIABLES)
def test_json_carries_every_value(variables):
    assert json.loads(rendered("json", variables) or "") == variables


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("fish", r"set -gx (\w+) '((?:[^\\']|\\[\\'])*)'\n"),
        ("powershell", r"\$env:(\w+) = '((?:[^'‘’‚‛]|''|‘‘|’’|‚‚|‛‛)*)'\n"),  # noqa: RUF001
    ],
)
@given(variables=VARIABLES)
def test_no_value_ends_its_quotes(name, line, variables):
    text = rendered(name, variables)

    if text is not None:
        assert re.fullmatch(f"(?:{line})*", text)
        assert [each[1] for each in re.finditer(line, text)] == [*variables]
