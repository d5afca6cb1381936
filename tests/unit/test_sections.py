import pytest

from portconf.kinds import Problem
from portconf.sections import BEGIN, END, merge


BODY = b"WEB_PORT=4000\nDB_PORT=4001\n"
NAMES = ("WEB_PORT", "DB_PORT")
BOM = b"\xef\xbb\xbf"
NOTE = b"# written by 'portconf init'; change pyproject.toml instead\n"
SECTION = BEGIN + b"\n" + NOTE + BODY + END + b"\n"


def windows(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"", SECTION, id="new file"),
        pytest.param(b"A=1\n", b"A=1\n" + SECTION, id="at the end"),
        pytest.param(b"A=1", b"A=1\n" + SECTION, id="no final newline"),
        pytest.param(b"A=1\n\n\n", b"A=1\n\n\n" + SECTION, id="blank lines"),
        pytest.param(BOM, BOM + SECTION, id="nothing but a byte-order mark"),
        pytest.param(BOM + b"A=1\n", BOM + b"A=1\n" + SECTION, id="byte-order mark"),
        pytest.param(b"A=1\r\n", b"A=1\r\n" + windows(SECTION), id="CRLF"),
        pytest.param(
            b"A=1\r\nB=2", b"A=1\r\nB=2\r\n" + windows(SECTION), id="CRLF, no final one"
        ),
        pytest.param(b"A=\xff\xfe\0\n", b"A=\xff\xfe\0\n" + SECTION, id="not UTF-8"),
        pytest.param(b"A='x\x0cy\n'\n", b"A='x\x0cy\n'\n" + SECTION, id="form feed"),
        pytest.param(
            b"A=1\n" + BEGIN + b"\nOLD_PORT=1\n" + END + b"\nB=2\n",
            b"A=1\n" + SECTION + b"B=2\n",
            id="in its old place",
        ),
        pytest.param(
            b"A=1\n" + BEGIN + b"\n" + END, b"A=1\n" + SECTION[:-1], id="ended at fence"
        ),
        pytest.param(
            BEGIN + b" \t\r\n" + END + b" \nA=1", windows(SECTION) + b"A=1", id="spaces"
        ),
        pytest.param(
            BOM + BEGIN + b"\n" + END + b"\n", BOM + SECTION, id="fence after the mark"
        ),
        pytest.param(
            b"XWEB_PORT=1\nWEB_PORT_=2\n# WEB_PORT=3\n$WEB_PORT\nA=WEB_PORT=1\n",
            b"XWEB_PORT=1\nWEB_PORT_=2\n# WEB_PORT=3\n$WEB_PORT\nA=WEB_PORT=1\n"
            + SECTION,
            id="names that look like ours",
        ),
    ],
)
def test_only_the_section_is_written_and_twice_changes_nothing(old, new):
    assert merge(old, BODY, NAMES) == new
    assert merge(new, BODY, NAMES) == new


@pytest.mark.parametrize(
    ("old", "lines"),
    [
        (BEGIN + b"\nA=1\n", "1"),
        (b"A=1\n" + END + b"\n", "2"),
        (END + b"\n" + BEGIN + b"\n", "1, 2"),
        (SECTION + b"\n" + SECTION, "1, 5, 7, 11"),
        (BEGIN + b"\n" + SECTION, "1, 2, 6"),
        (SECTION + END, "1, 5, 6"),
        (BEGIN + b"\r" + BEGIN + b"\r" + END, "1, 2, 3"),
    ],
)
def test_a_broken_or_doubled_fence_is_refused_with_its_lines(old, lines):
    with pytest.raises(
        Problem, match="must hold one line '# >>> portconf >>>'"
    ) as caught:
        merge(old, BODY, NAMES)

    assert str(caught.value).endswith(f"got such lines at {lines}")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"WEB_PORT=1", "WEB_PORT"),
        (b"  WEB_PORT = 1", "WEB_PORT"),
        (b"export DB_PORT=1", "DB_PORT"),
        (b"\texport \t DB_PORT=", "DB_PORT"),
        (b"DB_PORT: 1", "DB_PORT"),
        (b"WEB_PORT=1\r", "WEB_PORT"),
    ],
)
def test_a_variable_of_ours_outside_the_section_is_refused_with_its_line(line, name):
    for old, number in [
        (line + b"\n", 1),
        (BOM + line, 1),
        (b"A=1\n" + line + b"\n" + SECTION, 2),
        (SECTION + b"\n" + line, 7),
    ]:
        with pytest.raises(Problem) as caught:
            merge(old, BODY, NAMES)

        assert str(caught.value) == (
            f"sets {name} outside portconf's section, at line {number}"
        )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_refused(encoding):
    old = "\ufeffA=1\n".encode(encoding)

    with pytest.raises(Problem, match="is UTF-16"):
        merge(old, BODY, NAMES)


def test_a_variable_that_is_not_ours_may_stand_anywhere():
    old = b"OLD_PORT=1\n"

    assert merge(old, BODY, NAMES).startswith(old)
