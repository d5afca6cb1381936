"""
Our section of a `.env` that is the user's, as bytes.

Only the lines from one fence to the other are ours; every other byte stays: line
ends, a byte-order mark, a missing final newline, whatever encoding the rest has.
"""

import re
from collections.abc import Iterable

from portconf.kinds import Problem


BEGIN = b"# >>> portconf >>>"
END = b"# <<< portconf <<<"
_NOTE = b"# written by 'portconf init'; change pyproject.toml instead\n"
_BOM = b"\xef\xbb\xbf"
_SHORTEST = 2  # a name and a sign: files of a million empty lines exist


def merge(old: bytes, body: bytes, names: Iterable[str]) -> bytes:
    """
    Put our section into a file's content.

    Args:
        old: The content, empty for a new file.
        body: Lines for the section, each with its newline.
        names: The variables that are ours.

    Returns:
        The content with the section in its old place, or else at the end.

    Raises:
        Problem: If the fences are not one pair in order, one of ``names`` is set
            outside of them, or the file is UTF-16. It completes "FILE ...".
    """
    if old.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problem("is UTF-16, which no env-file parser reads; save it as UTF-8")
    mark = _BOM if old.startswith(_BOM) else b""
    lines = old.removeprefix(_BOM).splitlines(keepends=True)
    first, last = _fences(lines)
    _check_outside(lines, first, last, frozenset(name.encode() for name in names))
    newline = b"\r\n" if any(line.endswith(b"\r\n") for line in lines) else b"\n"
    section = BEGIN + b"\n" + _NOTE + body + END + b"\n"
    before = b"".join(lines[:first])
    after = b"".join(lines[last:])
    if before and not before.endswith((b"\n", b"\r")):
        before += newline
    if lines[first:] and not after and not lines[-1].endswith(b"\n"):
        section = section[:-1]  # the file ended at our fence, without a newline
    return mark + before + section.replace(b"\n", newline) + after


def _fences(lines: list[bytes]) -> tuple[int, int]:
    """Return the section's first line and the one after its last."""
    begins = [i for i, line in enumerate(lines) if line.rstrip() == BEGIN]
    ends = [i for i, line in enumerate(lines) if line.rstrip() == END]
    if not begins and not ends:
        return len(lines), len(lines)
    if len(begins) == len(ends) == 1 and begins[0] < ends[0]:
        return begins[0], ends[0] + 1
    where = ", ".join(str(i + 1) for i in sorted(begins + ends))
    raise Problem(
        f"must hold one line {BEGIN.decode()!r} and one line {END.decode()!r} after it,"
        f" got such lines at {where}"
    )


def _check_outside(
    lines: list[bytes], first: int, last: int, names: frozenset[bytes]
) -> None:
    for index, line in enumerate(lines):
        if first <= index < last or len(line) < _SHORTEST:
            continue
        found = re.match(rb"\s*(?:export\s+)?(['\"]?)([A-Za-z_]\w*)\1\s*[=:]", line)
        if found and found[2] in names:
            # uv and some others take the first of two, the rest the last.
            raise Problem(
                f"sets {found[2].decode()} outside portconf's section, at line"
                f" {index + 1}"
            )
