from dataclasses import dataclass
from typing import Any

import pytest

from portconf.keys import dotted, key, keys_of, read_table
from portconf.kinds import Flag, Port


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    first_port: int = key(Port(), 4000, "Where it begins.")
    is_loud: bool = key(Flag(), default=False, about="Whether it is heard.")


def read(raw: dict[str, Any], **options: Any) -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []
    return read_table(Table, raw, ("tool", "x"), problems, **options), problems


def test_the_keys_are_the_declared_fields_in_kebab_case_and_in_order():
    keys = keys_of(Table)

    assert list(keys) == ["first-port", "is-loud"]
    assert keys["first-port"].field == "first_port"
    assert keys["first-port"].default == 4000
    assert keys["first-port"].about == "Where it begins."


def test_values_come_by_field_name():
    values, problems = read({"first-port": 80, "is-loud": True})

    assert values == {"first_port": 80, "is_loud": True}
    assert problems == []


def test_every_problem_is_told_with_its_dotted_key_and_the_rest_is_read():
    values, problems = read(
        {"first-port": 0, "is_loud": True, "is-loud": True, "zzz": 1}
    )

    assert values == {"is_loud": True}
    assert problems == [
        "tool.x.first-port must be an integer from 1 to 65535, got 0",
        "unknown key tool.x.is_loud; did you mean 'is-loud'?",
        "unknown key tool.x.zzz",
    ]


def test_a_key_that_the_caller_reads_is_known_and_offered():
    values, problems = read({"services": 1, "service": 2}, also=("services",))

    assert values == {}
    assert problems == ["unknown key tool.x.service; did you mean 'services'?"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("plain-Key_1", "a.plain-Key_1"),
        ("two words", 'a."two words"'),
        ("a.b", 'a."a.b"'),
        ("line\nbreak", r'a."line\nbreak"'),
        ("\x1b[2J", r'a."\x1b[2J"'),
        ("", 'a.""'),
    ],
)
def test_a_dotted_key_is_one_printable_line(part, expected):
    assert dotted("a", part) == expected


def test_a_dotted_key_is_cut_where_it_is_long():
    assert len(dotted("a", "ä" * 1_000_000)) < 100
