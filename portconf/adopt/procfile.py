"""The ports that the processes of a Procfile bind."""

import re

from portconf.adopt.values import Found, Mention, names_a_port, port_in
from portconf.compose.values import Unread


_LONGEST = 10_000
_ENTRY = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?[-=](\d{1,5}))?\}|([A-Za-z_]\w*))")
# -p 8000, --port 8000, --http-port=8000; -b :8000, --bind 0.0.0.0:8000, --listen=...
_NUMBER = re.compile(
    r"(?<!\S)(?:(?:-[pP]|--(?:[\w-]{1,40}-)?port)[= ]\s*"
    r"|(?:-b|--bind|--listen)[= ]\s*(?:[\w.-]{1,100}|\[[\w:]{1,100}\])?:"
    # Django, Python, PHP
    r"|(?:runserver|-m http\.server|php -S)\s+(?:(?:[\w.-]{1,100}|\[[\w:]{1,100}\]):)?)"
    r"(\d{2,5})(?!\S)"
)
# What follows a client on its line may be the server: `wait-for db:5432 -- gunicorn`.
_NEXT = re.compile(r"&&|\|\||[;|]|(?<=\s)--(?=\s)")
# Their number is that of a server elsewhere.
_CLIENT = re.compile(
    r"\s*(?:(?:exec|sudo|env|[A-Za-z_]\w{0,60}=\S{0,200})\s+)*(?:\S{0,200}/)?"
    r"(?:(?:auto)?ssh|psql|pg_(?!ctl)\w+|mysql(?:sh|dump|admin)?|mongo(?:sh)?|redis-cli|rq|mkdir"
    r"|wait-for\S{0,20}|nc(?!\s+-\w*l))\s"
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
        entry = _ENTRY.match(line[:_LONGEST])
        if not entry:
            continue
        owner, command = entry[1], entry[2].rstrip()
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
        numbers = {
            each
            for part in _NEXT.split(command)
            if not _CLIENT.match(part)
            for each in _NUMBER.findall(part)
            if port_in(each)
        }
        if len(numbers) > 1:
            told = ", ".join(sorted(numbers))
            reason = f"{owner!r} has several numbers that may be its port: {told}"
            unread.append(Unread(file=file, line=number, reason=reason))
        elif numbers:
            only = int(numbers.pop())
            mentions.append(Mention(file=file, line=number, owner=owner, number=only))
    return Found(mentions=tuple(mentions), unread=tuple(unread))
