"""Compose files of any content: read or told, never a traceback."""

import pytest
from hypothesis import given, settings, strategies as st

from portconf.compose import entries, reading
from portconf.compose.values import Stack


PIECES = [
    *(
        "services:",
        "\n",
        "\n  a:",
        "\n    ports:",
        "\n    - ",
        "  ",
        "x",
        "80:80",
        "6000",
    ),
    *("&a ", "*a", "<<: *a", "!reset ", "!override ", "[", "]", "{", "}", ",", ": "),
    *('"', "'", "\\", "\\U", "\\xf", "$", "${A:-1}", "${", "}", "# c\t", "\t", "\r\n"),
    *(
        "|",
        ">",
        "-",
        "?",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "\ufeff",
        "\x85",
        "\0",
        "é🐘",
    ),
    *("extends: a", "include: [compose.yaml]", "target: 1", "published: 2", "~", "@"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(
    max_size=40
)


@settings(max_examples=300)
@given(TEXTS)
def test_any_text_is_read_or_told(text):
    stack = reading.read({"compose.yaml": text})

    assert isinstance(stack, Stack)
    assert all(1 <= each.line <= text.count("\n") + 2 for each in stack.unread)
    for each in stack.ports:
        token = text[each.spot.start : each.spot.end]
        assert token == each.published or "'" in token or "\\" in token


@given(st.lists(st.sampled_from(list("${}A:-/[]'180. ")), max_size=20).map("".join))
def test_an_entry_is_taken_apart_without_loss_or_refused(text):
    try:
        entry = entries.parse(text)
    except ValueError:
        return

    end = entry.start + len(entry.published)
    assert text[entry.start : end] == entry.published
    assert entry.target in text[end:]


@pytest.mark.parametrize("depth", [reading.MOST_EXTENDED - 1, 500])
def test_a_long_chain_of_extends_ends(depth):
    lines = [f"  s{i}: {{extends: s{i + 1}}}" for i in range(depth)]
    text = "\n".join(["services:", *lines, f"  s{depth}: {{ports: [1:1]}}"])

    stack = reading.read({"compose.yaml": text})

    assert len(stack.services) == depth + 1
    assert len(stack.ports) == min(depth, reading.MOST_EXTENDED) + 1
    assert bool(stack.unread) == (depth > reading.MOST_EXTENDED)
