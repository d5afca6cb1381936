"""One entry of `ports:` in its short form, as text."""

import re
from dataclasses import dataclass


# A number, a range, or anything with a variable in it.
_PORT = re.compile(r"[0-9]+(?:-[0-9]+)?|[^$]*\$.*", re.DOTALL)
# Not `${NAME:+text}`, which is the text and never the variable's value.
_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?:(?P<sign>:?[?-])(?P<rest>.*))?\}"
    r"|(?P<bare>[A-Za-z_]\w*))",
    re.DOTALL | re.ASCII,
)
_NAMED = re.compile(r"\$\{?([A-Za-z_]\w*)", re.ASCII)
HIDDEN = "x"  # no sign of an entry, and no number


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """
    A variable that is all of a text.

    Attributes:
        name: Its name.
        sign: `:-` or `-` before a default, `:?` or `?` before a demand; else empty.
        rest: The default or the demand.
    """

    name: str
    sign: str = ""
    rest: str = ""

    @property
    def default(self) -> str | None:
        """What stands for it where it is not set; None where nothing does."""
        return self.rest if self.sign.endswith("-") else None


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
    plain = _without_variables(text)
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
    Refuse what is no port, no range and has no variable.

    Raises:
        ValueError: With the reason, completing "its entry ...".
    """
    if not _PORT.fullmatch(port):
        raise ValueError(f"has {port!r} where a port or a range should be")


def variable(text: str) -> str | None:
    """
    Return the variable that a text is as a whole, or None.

    Examples:
        >>> variable("${DB_PORT:-${OTHER:-5432}}"), variable("${A}${B}")
        ('DB_PORT', None)
    """
    found = whole(text)
    return found.name if found else None


def whole(text: str) -> Variable | None:
    """
    Return the variable that a text is as a whole, with its default or demand, or None.

    Examples:
        >>> whole("${DB_PORT:-5432}").default, whole("$DB_PORT").default
        ('5432', None)
    """
    found = _VARIABLE.fullmatch(text)
    if found is None or _without_variables(text).count("$") != 1:
        return None
    return Variable(
        name=found["braced"] or found["bare"],
        sign=found["sign"] or "",
        rest=found["rest"] or "",
    )


def variables(text: str) -> set[str]:
    """Return all variables that a text names, also in defaults."""
    return set(_NAMED.findall(text))


def _without_variables(text: str) -> str:
    """Return the text with what is in braces and brackets hidden, as long as it was."""
    out, depth, bracket = [], 0, False
    for at, sign in enumerate(text):
        opens = sign == "{" and at > 0 and text[at - 1] == "$"
        depth += opens
        bracket = (bracket or sign == "[") and not depth and sign != "]"
        out.append(HIDDEN if depth or bracket else sign)
        depth -= sign == "}" and depth > 0
    if depth:
        raise ValueError("has a variable without an end")
    return "".join(out)
