"""A token of a Compose file for another."""

import pytest

from portconf.compose.replacing import Token, replace
from portconf.kinds import Problem


VARIABLE = "${DB_PORT:?run portconf init}"


def spliced(text: str, old: str = "5432") -> str:
    start = text.index(old)
    token = Token(start=start, end=start + len(old), text=VARIABLE)
    edited, wrong = replace(text, [token])
    if wrong:
        assert edited == text
        raise Problem(wrong[token])
    return edited


def token(text: str, old: str, new: str = VARIABLE) -> Token:
    start = text.index(old)
    return Token(start=start, end=start + len(old), text=new)


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


def test_of_many_tokens_those_that_fit_are_replaced():
    text = "a: [1:1, '2:2']\nb:\n- 3:3\n- !!str 4:4\n- {published: 5, x: 1}\n"
    tokens = [token(text, old, f"${{P{old}:?x}}") for old in "12345"]

    edited, wrong = replace(text, tokens)

    assert edited == (
        "a: [\"${P1:?x}:1\", '${P2:?x}:2']\nb:\n- ${P3:?x}:3\n- !!str 4:4\n"
        '- {published: "${P5:?x}", x: 1}\n'
    )
    assert list(wrong) == [tokens[3]]


def test_one_token_that_does_not_fit_hinders_no_other():
    text = "".join(f"- {n}:80\n" for n in range(1000, 1040))
    tokens = [token(text, str(n)) for n in range(1000, 1040)]
    bad = token(text, "1020", "\n- x: ")
    tokens[20] = bad

    edited, wrong = replace(text, tokens)

    assert list(wrong) == [bad]
    assert edited.count(VARIABLE) == 39
    assert "- 1020:80\n" in edited


def test_a_file_that_would_be_too_long_is_left_alone():
    text = "".join(f"- {n}:80\n" for n in range(1000, 9999))
    tokens = [token(text, "1000", "x" * 150_000)]

    edited, wrong = replace(text, tokens)

    assert edited == text
    assert "longer than 200000 characters" in wrong[tokens[0]]
