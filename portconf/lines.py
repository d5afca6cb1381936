"""On which line of a `pyproject.toml` a service is declared."""

import re


_PART = r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'"""


def of_declaration(text: str, name: str) -> int | None:
    r"""
    Return the line of a `pyproject.toml` that declares a service.

    The parser keeps no positions, so this looks at headers and keys line by line;
    None where the file uses a form that it does not know.

    Examples:
        >>> of_declaration('[tool.portconf]\nservices = ["web", "db"]', "db")
        2
    """
    services = ["tool", "portconf", "services"]
    table: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        header = re.match(r"\s*\[\[?([^\[\]]+)\]", line)
        key = re.match(rf"\s*((?:{_PART})(?:\s*\.\s*(?:{_PART}))*)\s*=", line)
        if header:
            table = here = _parts(header[1])
        else:
            here = table + _parts(key[1]) if key else []
        if here[:4] == [*services, name]:
            return number
        if key and here == services:
            return _inside(lines, number, name)
    return None


def _parts(path: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_PART, path)]


def _inside(text: list[str], first: int, name: str) -> int | None:
    """Return the line of a name in the list or inline table that begins at a line."""
    word = re.escape(name)
    mention = rf"""[\[,{{\s](?:"{word}"|'{word}'|{word}(?=\s*=))"""
    for number, line in enumerate(text[first - 1 :], start=first):
        bare = re.sub(r"""("[^"]*"|'[^']*')|#.*""", r"\1", line)
        value = bare.partition("=")[2] if number == first else bare
        if re.search(mention, f" {value}"):
            return number
        if re.match(r"\s*\[", line) and number > first:
            return None
    return None
