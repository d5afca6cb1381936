"""Each case is a whole file before and after, so that what must stay is seen."""

import tomllib

import pytest

from portconf.edits import add, remove
from portconf.errors import ConfigError


TABLE = """\
# top

[tool.portconf]
base-port = 4000   # odd   spacing

[tool.portconf.services]  # order = order of first assignment
web = "Main"  # the first
# about db
db = { purpose = "Data", port = 5432 }
"""
TAIL = """
# about ruff
[tool.ruff]
line-length = 88
"""

ADD = {
    "to nothing": (
        "",
        '[tool.portconf.services]\nnew = ""\n',
    ),
    "to a file without our table": (
        "[project]\nname = 'shop'\n",
        "[project]\nname = 'shop'\n\n[tool.portconf.services]\nnew = \"\"\n",
    ),
    "to a file without a final newline": (
        "[project]\nname = 'shop'",
        "[project]\nname = 'shop'\n\n[tool.portconf.services]\nnew = \"\"\n",
    ),
    "to a table": (
        TABLE,
        TABLE + 'new = ""\n',
    ),
    "to a table before another one with a comment": (
        TABLE + TAIL,
        TABLE + 'new = ""\n' + TAIL,
    ),
    "to an empty table": (
        "[tool.portconf.services]\n" + TAIL,
        '[tool.portconf.services]\nnew = ""\n' + TAIL,
    ),
    "to a table without a final newline": (
        '[tool.portconf.services]\nweb = ""',
        '[tool.portconf.services]\nweb = ""\nnew = ""\n',
    ),
    "to a list": (
        '[tool.portconf]\nservices = ["web", "db"] # both\nbase-port = 1\n',
        '[tool.portconf]\nservices = ["web", "db", "new"] # both\nbase-port = 1\n',
    ),
    "to an empty list": (
        "[tool.portconf]\nservices = []\n",
        '[tool.portconf]\nservices = ["new"]\n',
    ),
    "to a list of many lines": (
        '[tool.portconf]\nservices = [\n  "web", # first\n  "db",\n]\n' + TAIL,
        '[tool.portconf]\nservices = [\n  "web", # first\n  "db",\n  "new",\n]\n'
        + TAIL,
    ),
    "to an inline table": (
        "[tool.portconf]\nservices = { web = 'Main' } # one\n",
        "[tool.portconf]\nservices = { web = 'Main', new = \"\"} # one\n",
    ),
    "to a dotted key": (
        "[tool.portconf]\nservices.web = 'Main'\n" + TAIL,
        "[tool.portconf]\nservices.web = 'Main'\nservices.new = \"\"\n" + TAIL,
    ),
    "to several dotted keys": (
        "[tool.portconf]\nservices.web = 'Main'\nservices.db = {}\n" + TAIL,
        # The editor would put it between the two, where its port is another one.
        "[tool.portconf]\nservices.web = 'Main'\nservices.db = {}\n"
        + TAIL
        + "\n[tool.portconf.services.new]\n",
    ),
    "to sub-tables": (
        "[tool.portconf.services.web]\nport = 80\n",
        "[tool.portconf.services.web]\nport = 80\n\n[tool.portconf.services.new]\n",
    ),
    "to sub-tables amid others": (
        "[tool.portconf.services.web]\nport = 80\n" + TAIL,
        "[tool.portconf.services.web]\nport = 80\n"
        + TAIL
        + "\n[tool.portconf.services.new]\n",
    ),
    "to tables out of order": (
        "[tool.portconf.services]\nweb = ''\n"
        + TAIL
        + "\n[tool.portconf]\nlast-port = 9\n",
        "[tool.portconf.services]\nweb = ''\nnew = \"\"\n"
        + TAIL
        + "\n[tool.portconf]\nlast-port = 9\n",
    ),
    "to a table with no services": (
        "[tool.portconf]\nbase-port = 4000 # first\n" + TAIL,
        "[tool.portconf]\nbase-port = 4000 # first\n\n[tool.portconf.services]\n"
        'new = ""\n' + TAIL,
    ),
}


@pytest.mark.parametrize(("before", "after"), ADD.values(), ids=ADD)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "mark"])
def test_a_service_is_added_in_the_form_of_the_others(before, after, newline, mark):
    before, after = (mark + text.replace("\n", newline) for text in (before, after))
    if newline not in before:
        after = after.replace(newline, "\n")  # nothing says that they are others

    assert add(before, "new", {}) == after


REMOVE = {
    "from a table": (
        TABLE + TAIL,
        TABLE.replace('web = "Main"  # the first\n', "") + TAIL,
    ),
    "the last of a table": (
        "[tool.portconf.services]\nweb = '' # the only\n" + TAIL,
        "[tool.portconf.services]\n" + TAIL,
    ),
    "from a list": (
        '[tool.portconf]\nservices = ["web", "db"] # both\n',
        '[tool.portconf]\nservices = ["db"] # both\n',
    ),
    "from a list of many lines": (
        '[tool.portconf]\nservices = [\n  "web",\n  "db", # second\n]\n',
        '[tool.portconf]\nservices = [\n  "db", # second\n]\n',
    ),
    "the last of a list": (
        "[tool.portconf]\nservices = ['web']\n",
        "[tool.portconf]\nservices = []\n",
    ),
    "from an inline table": (
        "[tool.portconf]\nservices = { web = 'Main', db = {} } # two\n",
        "[tool.portconf]\nservices = {  db = {} } # two\n",
    ),
    "from dotted keys": (
        "[tool.portconf]\nservices.web = 'Main'\nservices.db = {}\n" + TAIL,
        "[tool.portconf]\nservices.db = {}\n" + TAIL,
    ),
    "from sub-tables": (
        "[tool.portconf.services.web]\nport = 80\n\n[tool.portconf.services.db]\nport = 9\n",
        "[tool.portconf.services.db]\nport = 9\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), REMOVE.values(), ids=REMOVE)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "mark"])
def test_a_service_is_removed_and_nothing_else(before, after, newline, mark):
    before, after = (mark + text.replace("\n", newline) for text in (before, after))

    assert remove(before, "web") == after


def test_the_last_sub_table_leaves_an_empty_declaration():
    before = "[tool.portconf.services.web]\nport = 80\n"

    after = remove(before, "web")

    assert tomllib.loads(after) == {"tool": {"portconf": {"services": {}}}}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({}, 'new = ""'),
        ({"purpose": 'A "new" one\'s'}, 'new = "A \\"new\\" one\'s"'),
        (
            {"purpose": "New", "port": 80, "shared": True},
            'new = {purpose = "New", port = 80, shared = true}',
        ),
        ({"port": 80}, "new = {port = 80}"),
    ],
)
def test_a_service_is_added_with_its_keys_on_a_line_of_its_own(keys, line):
    assert add(TABLE + TAIL, "new", keys) == TABLE + line + "\n" + TAIL


def test_a_service_with_keys_gets_a_sub_table_among_sub_tables():
    before = "[tool.portconf.services.web]\nport = 80\n"

    after = add(before, "new", {"purpose": "New", "port": 81})

    assert after == before + (
        '\n[tool.portconf.services.new]\npurpose = "New"\nport = 81\n'
    )


def test_a_name_with_a_dot_is_quoted():
    for before in (TABLE, "", "[tool.portconf.services.web]\nport = 80\n"):
        after = add(before, "a.b", {})

        assert "a.b" in tomllib.loads(after)["tool"]["portconf"]["services"]
        assert "a.b" not in tomllib.loads(remove(after, "a.b"))["tool"].get(
            "portconf", {}
        ).get("services", {})


def test_a_list_has_no_place_for_keys():
    text = "[tool.portconf]\nservices = ['web']\n"

    with pytest.raises(ConfigError, match="has no place for port of 'new'") as caught:
        add(text, "new", {"port": 80})

    assert "[tool.portconf.services]" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "tool.portconf = { services = { web = '' } }\n",
        "[tool]\nportconf.services.web = ''\n",
        "[tool]\nportconf = { base-port = 4000 }\n",
        "tool = { portconf = {} }\n",
        "tool.portconf.base-port = 4000\n",
        "[tool.portconf.services]\nweb.purpose = 'dotted'\nweb.port = 80\n",
        "[tool.portconf.services.web]\n[tool.other]\n[tool.portconf.services.db]\n",
        "[[tool.other]]\nx = 1\n[[tool.other]]\nx = 2\n[tool.portconf]\n",
        "x = '''\n[tool.portconf.services]\n'''\n[tool.portconf.services]\nweb = ''\n",
        "x = nan\ny = inf\nz = 1979-05-27T07:32:00Z\n[tool.portconf]\nservices = []\n",
    ],
)
def test_in_any_other_form_a_service_is_added_and_removed_or_refused(text):
    try:
        added = add(text, "new", {})
        removed = remove(added, "new")
    except ConfigError as error:
        refused = str(error)
    else:
        refused = ""
        declared = tomllib.loads(added)["tool"]["portconf"]["services"]
        assert list(declared)[-1] == "new"
        for line in text.splitlines():
            if "portconf" not in line and "services" not in line:
                assert line in removed.splitlines()
    assert not refused or "does not let portconf" in refused


def test_a_service_that_is_not_there_cannot_be_taken_out():
    with pytest.raises(ConfigError, match="does not let portconf take 'nope' out"):
        remove(TABLE, "nope")


def test_a_file_with_mixed_line_ends_keeps_each():
    text = "# one\r\n[tool.portconf.services]\nweb = ''\r\n# last\n"

    after = add(text, "new", {})

    assert after.startswith("# one\r\n[tool.portconf.services]\nweb = ''\r\n")
    assert after.endswith("# last\n")


def test_what_is_removed_can_be_added_again():
    without = remove(TABLE, "db")

    again = add(without, "db", {"purpose": "Data", "port": 5432})

    assert tomllib.loads(again) == tomllib.loads(TABLE)
