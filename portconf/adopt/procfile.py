"""The ports that the commands of a Procfile are given."""

import re

from portconf.adopt.values import Found, Mention, names_a_port, port_in
from portconf.compose.values import Unread


_ENTRY = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?[-=](\d{1,5}))?\}|([A-Za-z_]\w*))")
# --port 8000, --http-port=8000, -p 8000, --bind 0.0.0.0:8000, -b :8000, runserver 8000
_NUMBER = re.compile(
    r"(?:(?<!\S)--?[\w-]*port[= ]\s*|(?<!\S)-[pP]\s*|(?<![\w/])(?:[\w.-]+|\[[\w:]+\])?:"
    r"|(?<=runserver )|(?<=http\.server ))(\d{2,5})(?![\w.:])"
)


def read(file: str, text: str) -> Found:
    """
    Return what a Procfile says of ports.

    Args:
        file: Its name, for messages.
        text: Its content.
    """
    mentions: list[Mention] = []
    unread: list[Unread] = []
    for number, line in enumerate(text.split("\n"), start=1):
        entry = _ENTRY.match(line)
        if not entry:
            continue
        owner, command = entry[1], entry[2]
        for found in _VARIABLE.finditer(command):
            name = found[1] or found[3]
            if name == "PORT":
                reason = (
                    f"what runs the Procfile gives {owner!r} its PORT; write a variable"
                    " of portconf's there"
                )
                unread.append(Unread(file=file, line=number, reason=reason))
            elif names_a_port(name):
                default = port_in(found[2] or "")
                mentions.append(
                    Mention(file=file, line=number, variable=name, number=default)
                )
        numbers = {each for each in _NUMBER.findall(command) if port_in(each)}
        if len(numbers) > 1:
            told = ", ".join(sorted(numbers))
            reason = f"{owner!r} has several numbers that may be its port: {told}"
            unread.append(Unread(file=file, line=number, reason=reason))
        elif numbers:
            only = int(numbers.pop())
            mentions.append(Mention(file=file, line=number, owner=owner, number=only))
    return Found(mentions=tuple(mentions), unread=tuple(unread))
