"""A token of a Compose file for another."""

import pytest

from portconf.compose.replacing import replace
from portconf.kinds import Problem


VARIABLE = "${DB_PORT:?run portconf init}"


def spliced(text: str, old: str = "5432") -> str:
    start = text.index(old)
    return replace(text, start, start + len(old), VARIABLE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- 5432:80", "- T:80"),
        ("- '5432:80'", "- 'T:80'"),
        ('- "5432:80" # x', '- "T:80" # x'),
        ("published:   5432\r\nb: 1\r\n", "published:   T\r\nb: 1\r\n"),
        ("[5432:80, 1]", '["T:80", 1]'),
        ("{a: 5432}", '{a: "T"}'),
        ("{a: '5432'}", "{a: 'T'}"),
        ("a: &x 5432\nb: *x", "a: &x T\nb: *x"),
        ("a: 127.0.0.1:5432:80/udp", "a: 127.0.0.1:T:80/udp"),
        ("a: ${X:-5432}", "a: ${X:-T}"),
        ("a:\t5432\t# x", "a:\tT\t# x"),
        ("5432", "T"),
    ],
)
def test_a_token_is_replaced_and_quoted_where_it_must_be(before, after):
    assert spliced(before) == after.replace("T", VARIABLE)


@pytest.mark.parametrize(
    "text",
    [
        "- |\n  5432:80\n",
        "- >-\n  5432:80\n",
        "- !!str 5432:80",
        '- "5432\\u003a80"',
        '- "5432:80\n   more"',
        "# 5432",
        "a: [5432",
        "a: 1\na: 5432",
    ],
)
def test_a_token_that_cannot_be_replaced_is_refused(text):
    with pytest.raises(Problem):
        spliced(text)


def test_quotes_are_not_added_around_quotes():
    with pytest.raises(Problem, match="would read as something else"):
        spliced('[5432"x]')
