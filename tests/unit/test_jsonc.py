"""JSON with comments: what is read, what is refused, and where our section goes."""

import pytest

from portconf.jsonc import tree
from portconf.jsonc.document import BEGIN, Document
from portconf.kinds import Problem


def with_ports(text: str, *ports: int) -> str:
    return Document.parse(text).with_section("p", "[", [*map(str, ports)]).text


def values(text: str) -> list[str]:
    node = Document.parse(text).find("p", "[")
    assert node
    return [each.node.value for each in node.items() if each.node]


SECTION = """\
// >>> portconf >>>
    // written by 'portconf export'; change pyproject.toml instead
    4000,
    4001{comma}
    // <<< portconf <<<"""


def section(comma: str = "", indent: str = "    ") -> str:
    return SECTION.format(comma=comma).replace("\n    ", f"\n{indent}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '{\n  "p": [\n    {s}\n  ]\n}\n'),
        ("{}", '{\n  "p": [\n    {s}\n  ]\n}'),
        ("// mine\n", '// mine\n{\n  "p": [\n    {s}\n  ]\n}\n'),
        ("// mine", '// mine\n{\n  "p": [\n    {s}\n  ]\n}\n'),
        ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "p": [\n    {s}\n  ]\n}\n'),
        ('{\n  "a": 1,\n}\n', '{\n  "a": 1,\n  "p": [\n    {s}\n  ]\n}\n'),
        (
            '{\n  "a": 1 // one\n  /* end */\n}\n',
            '{\n  "a": 1, // one\n  /* end */\n  "p": [\n    {s}\n  ]\n}\n',
        ),
        ('{\n  "p": []\n}\n', '{\n  "p": [\n    {s}\n  ]\n}\n'),
        ('{\n  "p": [\n  ]\n}\n', '{\n  "p": [\n    {s}\n  ]\n}\n'),
        (
            '{\n  "p": [ // theirs\n    3000,\n  ]\n}\n',
            '{\n  "p": [ // theirs\n    {s,}\n    3000,\n  ]\n}\n',
        ),
        (
            '{\n  "p": [3000, 8080]\n}\n',
            '{\n  "p": [\n    {s,}\n    3000, 8080]\n}\n',
        ),
        (
            '{\n  "p": [\n    // none\n  ]\n}\n',
            '{\n  "p": [\n    {s}\n    // none\n  ]\n}\n',
        ),
    ],
)
def test_a_section_comes_first_and_the_rest_stays(before, after):
    wanted = after.replace("{s}", section()).replace("{s,}", section(","))

    assert with_ports(before, 4000, 4001) == wanted
    assert with_ports(wanted, 4000, 4001) == wanted


@pytest.mark.parametrize("indent", ["\t", "    ", " "])
def test_a_section_is_indented_as_the_rest_is(indent):
    text = f'{{\n{indent}"p": [\n{indent * 2}3000\n{indent}],\n{indent}"a": 1\n}}\n'

    found = with_ports(text, 4000, 4001)

    assert found == text.replace("[\n", f"[\n{indent * 2}{section(',', indent * 2)}\n")


def test_line_ends_and_the_byte_order_mark_stay():
    text = '\ufeff{\r\n  "a": 1\r\n}\r\n'

    found = with_ports(text, 4000, 4001)

    assert found.startswith('\ufeff{\r\n  "a": 1,\r\n  "p": [\r\n    // >>>')
    assert "\n" not in found.replace("\r\n", "")
    assert values(found) == ["4000", "4001"]


def test_old_items_of_ours_are_replaced_and_not_piled_up():
    text = with_ports('{"p": [3000]}', 4000, 4001)

    found = with_ports(text, 20000)

    assert values(found) == ["20000", "3000"]
    assert with_ports(found, 4000, 4001) == text


def test_a_section_may_become_empty_and_full_again():
    text = with_ports('{"p": [3000]}', 4000, 4001)

    empty = with_ports(text)

    assert values(empty) == ["3000"]
    assert with_ports(empty, 4000, 4001) == text


def test_nothing_is_added_for_nothing():
    assert with_ports('{"p": [3000]}') == '{"p": [3000]}'
    assert with_ports("{}") == "{}"


@pytest.mark.parametrize(
    "around",
    [
        "3000, {s}",
        "{s}, 8080",
        "3000, {s}, 8080",
        "3000, {s}, 8080,",
        "3000, {s},",
    ],
)
def test_a_section_that_was_moved_gets_the_commas_that_it_needs(around):
    text = '{"p": [' + around.replace("{s}", section() + "\n") + "]}"
    theirs = [each for each in ("3000", "8080") if each in around]

    found = values(with_ports(text, 1, 2, 3))

    assert [each for each in found if each in theirs] == theirs
    assert [each for each in found if each not in theirs] == ["1", "2", "3"]


def test_items_between_others_leave_one_comma_when_they_go():
    text = '{"p": [3000 // >>> portconf >>>\n, 1, // <<< portconf <<<\n 8080]}'

    empty = with_ports(text)

    assert values(empty) == ["3000", "8080"]
    assert values(with_ports(empty, 1, 2)) == ["3000", "1", "2", "8080"]


def test_a_comma_that_would_stand_alone_is_refused():
    text = '{"p": [\n// >>> portconf >>>\n1\n// <<< portconf <<<\n, 8080]}'

    with pytest.raises(Problem, match="has a comma at line 5 that would stand alone"):
        with_ports(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is broken at line 1: expected a key in double quotes, and it ends"),
        ('{\n"p" 1}', "is broken at line 2: expected ':', got '1'"),
        ('{"p": }', "expected a value, got '}'"),
        ('{"p": 1,, }', "expected a key in double quotes, got ','"),
        ('{"p": 1 "q": 2}', "expected ',' or '}', got '\"q\"'"),
        ('{"p": [1 2]}', "expected ',' or ']', got '2'"),
        ('{"p": [,]}', "expected a value, got ','"),
        ('{"p": [1}', "expected ',' or ']', got '}'"),
        ('{"p": 1} 2', "expected nothing more, got '2'"),
        ("{p: 1}", "expected JSON with comments, got 'p: 1}'"),
        ("{1: 1}", "expected a key in double quotes, got '1'"),
        ('{"p": [] /* open', "expected JSON with comments, got '/* open'"),
        ('{"p": "a\nb"}', "expected JSON with comments"),
        ('{"p": "\\x"}', "expected a text, got"),
        ('{"p": 01}', "expected JSON with comments, got '01}'"),
        ('{"p": NaN}', "expected JSON with comments, got 'NaN}'"),
        ("[" * 100_000, "expected a value, and it ends"),
        ("[]", "must hold an object"),
        ('{"p": 3000}', "must have a list at 'p': line 1"),
        ('{"p": [],\n"p": []}', "has the key 'p' twice: lines 1, 2"),
        ('{"p": [// >>> portconf >>>\n]}', "must hold one comment"),
        ('{"p": [\n// <<< portconf <<<\n// >>> portconf >>>\n]}', "at lines 2, 3"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_line(text, told):
    with pytest.raises(Problem) as caught:
        with_ports(text, 4000)

    assert told in str(caught.value)


def test_a_key_is_known_however_it_is_written():
    assert values(with_ports('{"\\u0070": [3000]}', 4000)) == ["4000", "3000"]


def test_comments_and_texts_are_told_apart():
    text = '{"a": "// no /* comment", /* "p": [1] */ "p": [3000 /* , 2 */]} // "q"'

    assert values(text) == ["3000"]


def test_an_item_goes_to_the_end_of_an_object():
    document = Document.parse('{"a": {"b": 1}, "c": {}}')
    first, _ = (each.node for each in document.root.items())
    assert first

    document = document.with_items([first], '"x": 1')
    *_, last = (each.node for each in document.root.items())
    assert last

    assert document.with_items([last], '"y": 2').text == (
        '{"a": {"b": 1, "x": 1}, "c": {\n  "y": 2\n}}'
    )


def test_items_go_to_many_objects_at_once():
    document = Document.parse('{"a": {"b": 1}, "c": {}, "d": {"e": 2,}}')
    nodes = [each.node for each in document.root.items() if each.node]

    found = document.with_items(nodes, '"x": 1').text

    assert found == (
        '{"a": {"b": 1, "x": 1}, "c": {\n  "x": 1\n}, "d": {"e": 2, "x": 1}}'
    )


@pytest.mark.parametrize("comment", ["/* c */", "// c\n", "/*\n*/", f"{BEGIN}\n"])
@pytest.mark.parametrize("text", ['{"p": {"a" C : 1}}', '{"p": {"a": C {"b": 2}, }}'])
def test_a_comment_between_a_key_and_its_value_is_not_torn(text, comment):
    before = text.replace("C", comment)

    document = Document.parse(before).with_section("p", "{", ['"x": 1'])

    assert document.text.endswith(before.removeprefix('{"p": {'))
    (key, *_) = document.theirs("p", "{")
    assert key.key == "a"


def test_a_million_brackets_are_no_matter():
    text = "[" * 100_000 + "]" * 100_000

    assert tree.read(text)
