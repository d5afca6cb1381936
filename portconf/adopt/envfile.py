"""The ports that a `.env` sets, outside of portconf's own section."""

import re
from collections.abc import Collection, Iterator

from portconf.adopt.values import (
    Found,
    Mention,
    Note,
    names_a_host,
    names_a_port,
    port_in,
)
from portconf.compose.values import Unread
from portconf.environment import COMPOSE
from portconf.kinds import shown
from portconf.sections import BEGIN, END


_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(r"\s*(?:export\s+)?(['\"]?)([A-Za-z_]\w*)\1\s*[=:]\s*(.*)")
_URL_PORT = re.compile(r"://[^/\s]*:(\d{2,5})(?![\d:@])")


def read(file: str, data: bytes) -> Found:
    """
    Return what the lines of a `.env` say of ports.

    Args:
        file: Its name, for messages.
        data: Its content, in any encoding that has ASCII's letters.
    """
    mentions: list[Mention] = []
    hosts: dict[str, str] = {}
    unread: list[Unread] = []
    notes: list[Note] = []
    for number, name, value in _settings(data):
        if name == COMPOSE:
            reason = (
                f"{name} is portconf's own where a checkout has shifted ports, and"
                " 'portconf init' refuses this line there; take it out"
            )
            unread.append(Unread(file=file, line=number, reason=reason))
        elif names_a_host(name):
            hosts[name] = value
        elif names_a_port(name) and port_in(value):
            mentions.append(
                Mention(file=file, line=number, variable=name, number=port_in(value))
            )
        elif names_a_port(name):
            reason = f"{name} is {shown(value)}, which is no port"
            unread.append(Unread(file=file, line=number, reason=reason))
        elif found := _URL_PORT.search(value):
            # Not the value: it may hold a password.
            text = (
                f"{name} has the port {found[1]} in it; write it as a template in"
                " [tool.portconf.env]"
            )
            notes.append(Note(file=file, line=number, text=text))
    return Found(
        mentions=tuple(mentions),
        hosts=hosts,
        unread=tuple(unread),
        notes=tuple(notes),
    )


def without(data: bytes, names: Collection[str]) -> tuple[bytes, tuple[int, ...]]:
    """
    Take the lines that set variables out.

    Where a line further down refers to one of them, an empty section takes the place of
    the first: parsers expand in order, and 'portconf init' fills it there.

    Args:
        data: The content of a `.env`.
        names: The variables.

    Returns:
        The content without the lines, and the numbers of those, from 1.
    """
    gone = [number for number, name, _ in _settings(data) if name in names]
    if not gone:
        return data, ()
    mark = _BOM if data.startswith(_BOM) else b""
    lines = data.removeprefix(_BOM).splitlines(keepends=True)
    newline = b"\r\n" if lines[gone[0] - 1].endswith(b"\r\n") else b"\n"
    rest = b"".join(lines[gone[0] :])
    refers = any(
        re.search(rb"\$\{?%s\b" % re.escape(name.encode()), rest) for name in names
    )
    here = b""
    if refers and not any(line.rstrip() in (BEGIN, END) for line in lines):
        here = BEGIN + newline + END + newline
    for number in gone:
        lines[number - 1] = b""
    lines[gone[0] - 1] = here
    return mark + b"".join(lines), tuple(gone)


def _settings(data: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and value of each setting of the user's."""
    lines = data.removeprefix(_BOM).splitlines()
    ours = False
    closes = 0  # the line that closes a value of several lines
    for number, raw in enumerate(lines, start=1):
        ours = (ours or raw.rstrip() == BEGIN) and raw.rstrip() != END
        found = _LINE.match(raw.decode(errors="replace"))
        if ours or number <= closes or not found:
            continue
        value = found[3].strip()
        quote = value[:1] if value[:1] in ("'", '"') else ""
        if quote and quote not in value[1:]:
            # What looks like a setting there is a part of the value.
            closes = _closing(lines, number, quote.encode())
            value = ""
        elif quote:
            value = value[1 : value.index(quote, 1)]
        else:
            value = re.split(r"(?:^|\s)#", value, maxsplit=1)[0].rstrip()
        yield number, found[2], value


def _closing(lines: list[bytes], number: int, quote: bytes) -> int:
    """Return the line on which a quote closes, or the line itself where none does."""
    for other in range(number, len(lines)):
        if quote in lines[other]:
            return other + 1
    return number
