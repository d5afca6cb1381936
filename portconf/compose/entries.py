"""One entry of `ports:` in its short form, as text."""

import re
from dataclasses import dataclass

from portconf.compose.interpolation import hidden, variable


# A number, a range, or anything with a variable in it.
_PORT = re.compile(r"[0-9]+(?:-[0-9]+)?|[^$]*\$.*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    What an entry says, nothing in it interpolated.

    Attributes:
        host_ip: The address on the host, without brackets; empty for all.
        published: The host's port or range; empty where Docker chooses.
        target: The container's port or range.
        protocol: `tcp` where none is written.
        start: Where `published` begins in the text.
    """

    host_ip: str
    published: str
    target: str
    protocol: str
    start: int


def parse(text: str) -> Entry:
    """
    Take `[[IP:]PUBLISHED:]TARGET[/PROTOCOL]` apart.

    Args:
        text: The entry, without the quotes of YAML.

    Raises:
        ValueError: If it is no such entry, or hides one in a variable; the text says
            why, completing "its entry ...".

    Examples:
        >>> entry = parse("[::1]:${DB_PORT:-5432}:5432/tcp")
        >>> entry.host_ip, entry.published, entry.target, entry.start
        ('::1', '${DB_PORT:-5432}', '5432', 6)
    """
    plain = hidden(text)
    end = plain.find("/")
    protocol = text[end + 1 :].lower() if end >= 0 else "tcp"
    body = plain[:end] if end >= 0 else plain
    last = body.rfind(":")
    before = body.rfind(":", 0, max(last, 0))
    target = text[last + 1 : len(body)]
    if last < 0 and variable(target):
        raise ValueError("is a variable as a whole, which may publish any port")
    published = text[before + 1 : last] if last >= 0 else ""
    for each in (target, *([published] if published else ())):
        check(each)
    if not re.fullmatch(r"[a-z]+|.*\$.*", protocol, re.DOTALL):
        raise ValueError(f"has {protocol!r} as its protocol")
    return Entry(
        host_ip=re.sub(r"^\[(.*)\]$", r"\1", text[: max(before, 0)]),
        published=published,
        target=target,
        protocol=protocol,
        start=before + 1 if last >= 0 else 0,
    )


def check(port: str) -> None:
    """
    Refuse what is no port, no range and has no variable, or one without an end.

    Raises:
        ValueError: With the reason, completing "its entry ...".
    """
    hidden(port)  # who asks for its variables later would stumble
    if not _PORT.fullmatch(port):
        raise ValueError(f"has {port!r} where a port or a range should be")
