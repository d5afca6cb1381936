"""
Our section of a `.env` that is the user's, as bytes.

Only the lines from one fence to the other are ours; every other byte stays: line
ends, a byte-order mark, a missing final newline, whatever encoding the rest has.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from portconf.kinds import Problem


BEGIN = b"# >>> portconf >>>"
END = b"# <<< portconf <<<"
_NOTE = b"# written by 'portconf init'; change pyproject.toml instead\n"
_BOM = b"\xef\xbb\xbf"
_SHORTEST = 2  # a name and a sign: files of a million empty lines exist
_LONGEST = 10_000  # of a value that anybody looks into
_SETTING = re.compile(
    rb"\s*(?:export\s+)?(['\"]?)([A-Za-z_]\w*)\1\s*[=:](.*)", re.DOTALL
)
_CLOSED = {
    quote: re.compile(rb"[^%b\\]*(?:\\.[^%b\\]*)*%b" % (quote, quote, quote), re.DOTALL)
    for quote in (b"'", b'"')
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """
    A line that sets a variable, to one parser or another.

    Attributes:
        line: From 1.
        name: The variable.
        raw: What stands behind the sign on that line.
        inside: Whether it stands inside of a value of several lines, which to some
            parsers is no such value.
    """

    line: int
    name: str
    raw: bytes
    inside: bool

    @property
    def value(self) -> str:
        """The value without quotes and comment, as far as the line has it."""
        text = self.raw[:_LONGEST].decode(errors="replace").strip()
        quoted = re.fullmatch(r"(['\"])(.*?)(?<!\\)\1\s*(?:#.*)?", text)
        if quoted:
            return quoted[2]
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()


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
    mark = _BOM if old.startswith(_BOM) else b""
    lines, first, last = opened(old)
    ours = frozenset(names)
    for each in settings(lines, first, last):
        if each.name in ours:
            # uv and some others take the first of two, the rest the last.
            raise Problem(
                f"sets {each.name} outside portconf's section, at line {each.line}"
            )
    newline = b"\r\n" if any(line.endswith(b"\r\n") for line in lines) else b"\n"
    section = BEGIN + b"\n" + _NOTE + body + END + b"\n"
    before = b"".join(lines[:first])
    after = b"".join(lines[last:])
    if before and not before.endswith((b"\n", b"\r")):
        before += newline
    if lines[first:] and not after and not lines[-1].endswith(b"\n"):
        section = section[:-1]  # the file ended at our fence, without a newline
    return mark + before + section.replace(b"\n", newline) + after


def opened(data: bytes) -> tuple[list[bytes], int, int]:
    """
    Return a file's lines with their ends, our section's first, and the one after its last.

    Raises:
        Problem: If the fences are not one pair in order, or the file is UTF-16.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problem("is UTF-16, which no env-file parser reads; save it as UTF-8")
    lines = data.removeprefix(_BOM).splitlines(keepends=True)
    return (lines, *_fences(lines))


def settings(lines: list[bytes], first: int, last: int) -> Iterator[Setting]:
    """
    Yield the settings outside of our section, in their order.

    Args:
        lines: The file's, without a byte-order mark.
        first: The section's first line.
        last: The line after it.
    """
    quote = b""
    for index, line in enumerate(lines):
        if first <= index < last or len(line) < _SHORTEST:
            continue
        found = _SETTING.match(line)
        if found:
            yield Setting(
                line=index + 1,
                name=found[2].decode(),
                raw=found[3],
                inside=bool(quote),
            )
        if quote:
            rest = line
        else:
            raw = found[3].lstrip() if found else b""
            quote, rest = raw[:1] if raw[:1] in _CLOSED else b"", raw[1:]
        if quote and _CLOSED[quote].match(rest):
            quote = b""


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
