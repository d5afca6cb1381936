import datetime as dt

import jsonschema
from hypothesis import given, strategies as st

from portconf.declaration import from_dict, parse
from portconf.errors import ConfigError
from portconf.keys import keys_of
from portconf.model import Service
from portconf.schema import get_schema
from portconf.settings import Settings


SCHEMA = jsonschema.Draft7Validator(get_schema())
WORDS = st.sampled_from(
    [
        *("web", "a-b", "a_b", "base", "Web", "{web}", "{", "/x", "tcp", "1-9", "9-1"),
        *("X", "WEB_PORT", "BASE_PORT", "https", "../x", ".git/x", ".env", "it's"),
        *("a\nb", "a" * 300),
    ]
)
TEXTS = WORDS | st.text(max_size=6)
ODD = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(),
    st.integers(1, 65535),
    st.floats(),
    st.just(dt.date(1979, 5, 27)),
    st.just(dt.time(7, 32)),
)
VALUES = st.recursive(
    ODD,
    lambda each: st.one_of(
        st.lists(each, max_size=3), st.dictionaries(TEXTS, each, max_size=3)
    ),
    max_leaves=4,
)
SERVICE = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from([*keys_of(Service)]) | TEXTS, VALUES, max_size=4),
)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(keys_of(Settings), VALUES),
        "services": st.dictionaries(TEXTS, SERVICE, max_size=3)
        | st.lists(TEXTS | ODD, max_size=3)
        | VALUES,
        "env": st.dictionaries(TEXTS, TEXTS | VALUES, max_size=3) | VALUES,
        "oops": VALUES,
    },
)


@given(TABLES | VALUES)
def test_any_table_is_a_declaration_or_a_list_of_problems(table):
    problems: list[str] = []

    settings = from_dict(table, problems)

    assert isinstance(settings, Settings)
    assert all("tool.portconf" in problem for problem in problems)
    assert all(len(problem.splitlines()) == 1 for problem in problems)
    if not problems:
        # The schema may take more than the parser, but nothing less.
        assert SCHEMA.is_valid(table)


@given(
    st.one_of(
        st.text(),
        st.text("[]{}=\"'.,#\n abtoolprfn\\x0", max_size=40).map(
            lambda text: "[tool.portconf]\n" + text
        ),
    )
)
def test_any_text_declares_something_or_nothing_or_is_refused(text):
    answer = parsed(text)

    if isinstance(answer, ConfigError):
        assert answer.problems
        assert all(each.startswith("pyproject.toml: ") for each in answer.problems)


def parsed(text: str) -> Settings | ConfigError | None:
    try:
        return parse(text)
    except ConfigError as error:
        return error
