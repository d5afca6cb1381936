"""The ports that a `.env` sets, outside of portconf's own section."""

import re
import shlex
from collections.abc import Collection, Iterable

from portconf import sections
from portconf.adopt import hosts
from portconf.adopt.values import Found, Mention, Note, names_a_port, port_in
from portconf.compose.values import Unread
from portconf.environment import COMPOSE
from portconf.kinds import Problem
from portconf.sections import BEGIN, END, Setting


_BOM = b"\xef\xbb\xbf"
_REFERENCE = re.compile(rb"\$\{?([A-Za-z_]\w*)")


def read(file: str, data: bytes) -> Found:
    """
    Return what the lines of a `.env` say of ports.

    Args:
        file: Its name, for messages.
        data: Its content, in any encoding that has ASCII's letters.
    """
    try:
        lines, first, last = sections.opened(data)
    except Problem as problem:
        reason = f"{problem}; 'portconf init' will refuse it"
        return Found(unread=(Unread(file=file, line=1, reason=reason),))
    told = (_told(each, file) for each in sections.settings(lines, first, last))
    return Found.joined([Found(foreign=_bound(lines, first, last)), *told])


def names(data: bytes) -> frozenset[str]:
    """Return the variables that an env file sets outside of portconf's section."""
    try:
        return frozenset(
            each.name for each in sections.settings(*sections.opened(data))
        )
    except Problem:
        return frozenset()


def _told(setting: Setting, file: str) -> Found:
    """Return what one line says."""
    name, value, line = setting.name, setting.value, setting.line
    if setting.inside:
        return Found()
    if name == COMPOSE:
        reason = (
            f"{name} is portconf's own where a checkout has shifted ports, and"
            " 'portconf init' refuses this line there; take it out"
        )
        return Found(unread=(Unread(file=file, line=line, reason=reason),))
    if name == "COMPOSE_FILE" and value:
        named = shlex.join(re.split("[:;]", value))
        reason = f"{name} is not followed: 'portconf adopt {named}' reads what it names"
        return Found(unread=(Unread(file=file, line=line, reason=reason),))
    number = port_in(value)
    if number or not value:
        mention = Mention(file=file, line=line, variable=name, number=number)
        return Found(mentions=(mention,))
    here = hosts.local(name, value)
    # Never the value: it may be a secret.
    reason = f"{name} is not only a port in {file}"
    unread: tuple[Unread, ...] = ()
    notes: tuple[Note, ...] = ()
    port = hosts.port_beside(value)
    if names_a_port(name) and name.upper().endswith("PORT"):
        unread = (Unread(file=file, line=line, reason=reason),)
    elif port and ("://" in value or not names_a_port(name)):
        text = (
            f"{name} has the port {port} in it; write it as a template in"
            " [tool.portconf.env]"
        )
        notes = (Note(file=file, line=line, text=text),)
    return Found(
        hosts={} if here is None else {name: here},
        foreign={name: reason},
        unread=unread,
        notes=notes,
    )


def _bound(lines: list[bytes], first: int, last: int) -> dict[str, str]:
    """Return the variables whose lines cannot be taken out, with the reason."""
    bound: dict[str, str] = {}
    set_at: dict[str, int] = {}
    for each in sections.settings(lines, first, last):
        set_at.setdefault(each.name, each.line)
        if each.inside:
            bound[each.name] = (
                f"{each.name} also stands inside of a value of several lines, where some"
                " parsers read it"
            )
    if first == last:
        return bound  # there is no section yet: it takes the place of the line
    for number, line in enumerate(lines[:first], start=1):
        for found in _REFERENCE.finditer(line):
            name = found[1].decode()
            if set_at.get(name, number) < number:
                bound[name] = (
                    f"line {number} refers to {name} above portconf's section; move the"
                    " section up, behind the line that sets it"
                )
    return bound


def without(data: bytes, gone: Collection[int]) -> bytes:
    """
    Take lines that set variables out.

    Where a line further down refers to one of them, an empty section takes the place of
    the first: parsers expand in order, and 'portconf init' fills it there.

    Args:
        data: The content of a `.env`.
        gone: The numbers of the lines, from 1; at least one.
    """
    mark = _BOM if data.startswith(_BOM) else b""
    lines, first, last = sections.opened(data)
    top = min(gone)
    taken = {
        each.name.encode()
        for each in sections.settings(lines, first, last)
        if each.line in gone
    }
    newline = b"\r\n" if lines[top - 1].endswith(b"\r\n") else b"\n"
    refers = not taken.isdisjoint(_references(lines[top:]))
    here = BEGIN + newline + END + newline if refers and first == last else b""
    for number in gone:
        lines[number - 1] = b""
    lines[top - 1] = here
    return mark + b"".join(lines)


def _references(lines: Iterable[bytes]) -> set[bytes]:
    return {name for line in lines for name in _REFERENCE.findall(line)}
