"""Any document with comments: every character stays, and another reader agrees."""

import json
from typing import Any

import json5
from hypothesis import given, strategies as st

from portconf.jsonc.document import BEGIN, END, Document


BLANKS = st.sampled_from(["", " ", "\n", "\r\n", "\t", "\n  ", "\r\n\t\t"])
COMMENTS = st.sampled_from(
    ["// one\n", "/* two */", "/* \n three */", '// "p": [1,\n', "/* ] } */"]
)
GAPS = st.lists(BLANKS | COMMENTS, max_size=2).map("".join)
TEXTS = st.text('ab"\\/ \n,:[]{}\u2603', max_size=4).map(json.dumps)
SCALARS = TEXTS | st.sampled_from(["0", "-1.5e3", "true", "null", "3000"])


@st.composite
def lists(draw, values):
    return _joined(draw, "[]", draw(st.lists(values, max_size=3)))


@st.composite
def objects(draw, values, fixed=None):
    keys = draw(st.lists(TEXTS, max_size=3, unique=True))
    pairs = [
        (each, draw(values)) for each in keys if json.loads(each) not in (fixed or {})
    ]
    pairs += [(json.dumps(name), draw(each)) for name, each in (fixed or {}).items()]
    items = [
        key + draw(GAPS) + ":" + draw(GAPS) + value
        for key, value in draw(st.permutations(pairs))
    ]
    return _joined(draw, "{}", items)


def _joined(draw: Any, brackets: str, items: list[str]) -> str:
    text = ",".join(draw(GAPS) + each + draw(GAPS) for each in items)
    comma = "," if items and draw(st.booleans()) else ""
    return f"{brackets[0]}{text}{comma}{draw(GAPS)}{brackets[1]}"


VALUES = st.recursive(
    SCALARS, lambda inner: lists(inner) | objects(inner), max_leaves=4
)
PORTS = st.lists(st.integers(1, 65535).map(str), max_size=3, unique=True)
# What our section may stand in, by the bracket that begins it.
WITH = st.one_of(
    st.tuples(st.just("["), objects(VALUES, {"p": lists(VALUES)})),
    st.tuples(st.just("{"), objects(VALUES, {"p": objects(VALUES)})),
)
WITHOUT = objects(VALUES)
MARKS = st.sampled_from(["", "\ufeff"])


def value(text: str):
    return json5.loads(text.removeprefix("\ufeff"))


def cut(text: str) -> tuple[str, str]:
    """Return what stands before our section and after it, without its own blanks."""
    before, _, rest = text.partition(BEGIN)
    return before.rstrip(" \t\r\n"), rest.partition(END)[2].lstrip(" \t\r\n")


def items(kind: Any, ports: list[str]) -> list[str]:
    return ports if kind == "[" else [f'"x{each}": {each}' for each in ports]


def merged(ports: list[str], old: Any) -> Any:
    """Return what is read where the section and ``old`` are."""
    if isinstance(old, list):
        return [*map(int, ports), *old]
    return {**{f"x{each}": int(each) for each in ports}, **old}


@given(MARKS, GAPS, WITH, GAPS, PORTS, PORTS)
def test_a_list_and_an_object_get_our_items_and_keep_every_character(
    mark, head, body, tail, ports, later
):
    kind, inside = body
    text = mark + head + inside + tail
    old = value(text)

    document = Document.parse(text).with_section("p", kind, items(kind, ports))
    found = document.text

    assert value(found) == {**old, "p": merged(ports, old["p"])}
    if not ports:
        assert found == text
        return
    assert _is_within(text, found)
    before, after = cut(found)
    assert text.startswith(before)
    assert text.endswith(after)
    assert text[len(before) : len(text) - len(after)].strip() == ""
    again = document.with_section("p", kind, items(kind, ports))
    assert again.text == found
    moved = document.with_section("p", kind, items(kind, later))
    assert value(moved.text) == {**old, "p": merged(later, old["p"])}
    assert cut(moved.text) == (before, after)
    assert moved.with_section("p", kind, items(kind, ports)).text == found


@given(MARKS, GAPS, WITHOUT, GAPS, PORTS)
def test_a_missing_list_is_added_and_every_character_stays(
    mark, head, body, tail, ports
):
    text = mark + head + body + tail
    old = value(text)
    if "p" in old:
        return

    document = Document.parse(text).with_section("p", "[", ports)
    found = document.text

    assert value(found) == ({**old, "p": [*map(int, ports)]} if ports else old)
    assert _is_within(text, found)
    assert document.with_section("p", "[", ports).text == found


@given(MARKS, GAPS, objects(objects(VALUES)), GAPS)
def test_objects_get_an_item_each_and_every_character_stays(mark, head, body, tail):
    text = mark + head + body + tail
    document = Document.parse(text)

    nodes = [each.node for each in document.root.items() if each.node]
    found = document.with_items(nodes, '"x": 1').text

    assert value(found) == {k: {**v, "x": 1} for k, v in value(text).items()}
    assert _is_within(text, found)


def _is_within(text: str, found: str) -> bool:
    """Tell whether nothing was taken away: all characters are there, in order."""
    rest = iter(found)
    return all(character in rest for character in text)
