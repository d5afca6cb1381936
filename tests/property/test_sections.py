from hypothesis import assume, example, given, strategies as st

from portconf.kinds import Problem
from portconf.sections import BEGIN, END, merge


NAMES = ("WEB_PORT", "URL")
BODY = b"WEB_PORT=4000\nURL='http://x/?a=b'\n"
MARK = b"\xef\xbb\xbf"
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            *(b"", b"A=1", b"# WEB_PORT=1", b"X # >>> portconf >>>", b"A='"),
            *(
                b"WEB_PORT_X=1",
                b"  # <<< portconf <<<",
                b"\x0c",
                b"\x1c\x85",
                b"\0\xff",
            ),
        ]
    ),
)
PIECES = st.one_of(
    LINES,
    ENDS,
    st.sampled_from([BEGIN, END, MARK, BEGIN + b"\n", END + b"\r\n", b"URL=1\n"]),
)


# Whole lines that hold no fence and none of our variables.
CONTENTS = st.lists(st.tuples(LINES, ENDS), max_size=4).map(
    lambda lines: b"".join(line + end for line, end in lines)
)
MARKED = st.builds(bytes.__add__, st.sampled_from([b"", MARK]), CONTENTS)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def outside(data: bytes) -> bytes:
    """Return what lies outside the section, fences found by themselves."""
    start = 0
    lines = data.splitlines(keepends=True)
    bare = [line.removeprefix(MARK) if i == 0 else line for i, line in enumerate(lines)]
    inside = {i for i, line in enumerate(bare) if line.rstrip() in (BEGIN, END)}
    if inside:
        start, end = min(inside), max(inside) + 1
        mark = MARK if start == 0 and data.startswith(MARK) else b""
        return mark + b"".join(lines[:start] + lines[end:])
    return data


def merged(old: bytes) -> bytes | Problem:
    try:
        return merge(old, BODY, NAMES)
    except Problem as problem:
        return problem


@given(st.lists(PIECES, max_size=8).map(b"".join))
@example(MARK)
@example(MARK + BEGIN + b"\n" + END)
@example(BEGIN + b"\r\n" + END + b"\r")
def test_any_file_is_merged_or_refused_and_keeps_every_other_byte(old):
    new = merged(old)

    if isinstance(new, Problem):
        assert str(new).isprintable()
        return
    assert merge(new, BODY, NAMES) == new
    assert outside(new).removeprefix(outside(old)) in (b"", b"\n", b"\r\n")
    assert outside(new).startswith(outside(old))


@given(
    before=MARKED,
    inner=CONTENTS,
    rest=st.just(b"")
    | st.builds(bytes.__add__, st.sampled_from([b"\n", b"\r\n"]), CONTENTS),
)
def test_what_stands_before_and_after_the_section_stays(before, inner, rest):
    old = before + BEGIN + b"\n" + inner + END + rest
    after = rest.removeprefix(b"\r").removeprefix(b"\n")
    assume(not old.startswith(UTF_16))

    new = merge(old, BODY, NAMES)

    assert new.startswith(before + BEGIN)
    ends = (END + rest, END + b"\n" + after, END + b"\r\n" + after)
    assert new.endswith(ends)
    section = new[len(before) : len(new) - len(after)].replace(b"\r\n", b"\n")
    assert section.split(b"\n", 2)[2] == BODY + END + (b"\n" if rest else b"")


@given(old=MARKED, values=st.lists(st.integers(1, 65535), min_size=1, max_size=3))
def test_a_new_body_takes_the_place_of_the_last_one(old, values):
    assume(not old.startswith(UTF_16))
    new = old

    for value in values:
        new = merge(new, b"WEB_PORT=%d\n" % value, NAMES)

    assert new == merge(old, b"WEB_PORT=%d\n" % values[-1], NAMES)
