from enum import StrEnum

import jsonschema
import pytest

from portconf.kinds import (
    Choice,
    Count,
    Either,
    Flag,
    Matching,
    Never,
    Parsed,
    Port,
    Problem,
    Words,
    did_you_mean,
    shown,
)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


WORD = Matching(rule="a word", pattern=r"[a-z]+", limit=5)
EVEN = Count(least=2, most=8)
NUMBER = Parsed(rule="a number", pattern=r"[0-9]+", parse=int)
WORD_OR_NONE = Either(kinds=(WORD, Never()), rule="a word or false")
COLOUR = Choice(words_type=Colour)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (WORD, "abcde", "abcde"),
        (Port(), 1, 1),
        (Port(), 65535, 65535),
        (EVEN, 2, 2),
        (EVEN, 8, 8),
        (Flag(), False, False),
        (COLOUR, "red", Colour.RED),
        (NUMBER, "12", 12),
        (WORD_OR_NONE, "abc", "abc"),
        (WORD_OR_NONE, False, None),
        (Words(), ["pg_isready", "-q"], ("pg_isready", "-q")),
    ],
)
def test_a_kind_reads_what_its_schema_accepts(kind, value, expected):
    found = kind.read(value)

    assert found == expected
    assert type(found) is type(expected)
    jsonschema.validate(value, kind.schema())


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (WORD, "ABC", "must be a word, got 'ABC'"),
        (WORD, "abc\n", r"must be a word, got 'abc\n'"),
        (WORD, 5, "must be a word, got 5"),
        (WORD, "abcdef", "must be at most 5 characters, got 6 of them"),
        (Port(), 0, "must be an integer from 1 to 65535, got 0"),
        (Port(), 65536, "must be an integer from 1 to 65535, got 65536"),
        (Port(), True, "must be an integer from 1 to 65535, got True"),
        (Port(), 80.0, "must be an integer from 1 to 65535, got 80.0"),
        (Port(), "80", "must be an integer from 1 to 65535, got '80'"),
        (EVEN, 1, "must be an integer from 2 to 8, got 1"),
        (EVEN, 9, "must be an integer from 2 to 8, got 9"),
        (EVEN, True, "must be an integer from 2 to 8, got True"),
        (Flag(), 1, "must be true or false, got 1"),
        (Flag(), "true", "must be true or false, got 'true'"),
        (COLOUR, "gren", "must be 'red' or 'green', got 'gren'; did you mean 'green'?"),
        (COLOUR, 3, "must be 'red' or 'green', got 3"),
        (NUMBER, "x", "must be a number, got 'x'"),
        (NUMBER, 12, "must be a number, got 12"),
        (WORD_OR_NONE, True, "must be a word or false, got True"),
        (Never(), 0, "must be false, got 0"),
        (Words(), [], "must be a list of texts, got []"),
        (Words(), "ls", "must be a list of texts, got 'ls'"),
        (Words(), ["ls", ""], "must be a list of texts, got '' in it"),
        (Words(), ["ls", 1], "must be a list of texts, got 1 in it"),
        (Words(), ["a\0b"], r"must be a list of texts, got 'a\x00b' in it"),
    ],
)
def test_a_kind_words_the_rule_and_the_value_that_broke_it(kind, value, message):
    with pytest.raises(Problem, match=r"^must be ") as caught:
        kind.read(value)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "kind", [WORD, Port(), EVEN, Flag(), COLOUR, NUMBER, WORD_OR_NONE, Never(), Words()]
)
def test_a_kind_has_words_for_the_reference_page(kind):
    assert kind.words()


def test_a_long_value_is_cut_in_a_message():
    text = shown("x" * 10_000_000)

    assert len(text) == 63
    assert text.endswith("...")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("container_port", "; did you mean 'container-port'?"),
        ("Prot", "; did you mean 'port'?"),
        ("zzz", ""),
    ],
)
def test_a_near_name_is_offered_and_a_far_one_is_not(word, expected):
    assert did_you_mean(word, ["port", "container-port"]) == expected
