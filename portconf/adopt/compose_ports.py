"""The ports that Compose publishes, as mentions of servers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from portconf.adopt.values import Found, Mention, port_in
from portconf.compose.values import Published, Stack, Unread


# `$VAR`, `${VAR}`, and with a default or a demand: `${VAR:-5432}`, `${VAR?message}`.
_WHOLE = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:?[-?])(?P<rest>[^${}]*))?\})"
)
_ANY = re.compile(r"\$\{?([A-Za-z_]\w*)")


def read(stack: Stack, texts: Mapping[str, str]) -> Found:
    """
    Return what Compose files publish, and what they use variables for.

    Args:
        stack: What the files say.
        texts: Their texts.
    """
    mentions: list[Mention] = []
    unread = [
        replace(each, reason=each.reason.removeprefix(f"{each.file} "))
        for each in stack.unread
    ]
    inner = {name for each in stack.ports for name in _ANY.findall(each.target)}
    for each in stack.ports:
        found = _mention(each, inner)
        if isinstance(found, Mention):
            mentions.append(found)
        else:
            place = each.spot
            unread.append(Unread(file=place.file, line=place.line, reason=found))
    used = {name for each in stack.files for name, _ in uses(texts[each])}
    return Found(
        mentions=tuple(mentions),
        images={k: v for k, v in stack.images.items() if k not in stack.built},
        # Of those that are published, `notes` tells.
        inner=frozenset(used - {each.variable for each in mentions}),
        unread=tuple(dict.fromkeys(unread)),
    )


def uses(text: str) -> Iterator[tuple[str, int]]:
    """Yield which variables a Compose file uses, with the place in its text."""
    for found in _ANY.finditer(text):
        line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        # `$$` stands for a dollar sign.
        if not line.endswith("$") and not line.lstrip().startswith("#"):
            yield found[1], found.start()


def _mention(entry: Published, inner: set[str]) -> Mention | str:
    """Return the entry as a mention, or why it is none."""
    whose = f"{entry.service!r}"
    if not entry.published:
        return (
            f"Docker chooses the port of {whose} anew at each start; write a host port"
        )
    if entry.protocol.lower() not in ("tcp", "udp"):
        return (
            f"the port of {whose} speaks {entry.protocol}, which portconf does not know"
        )
    found = _WHOLE.fullmatch(entry.published)
    variable = found and (found["bare"] or found["name"])
    default = found["rest"] if found and (found["sign"] or "").endswith("-") else None
    number = port_in(entry.published if default is None else default)
    if re.fullmatch(r"[0-9]+-[0-9]+", default or entry.published):
        return (
            f"{whose} publishes the range {entry.published}, and a service has one port;"
            " write an entry for each"
        )
    if not variable and number is None:
        return f"the host port of {whose} is {entry.published!r}, a variable in part"
    if default is not None and number is None:
        return f"the default of {variable} is {default!r}, which is no port"
    if variable in inner:
        return (
            f"{variable} is the container's port of {whose} too, which must not move;"
            " write its number to the right of ':'"
        )
    return Mention(
        file=entry.spot.file,
        line=entry.spot.line,
        variable=variable or "",
        number=number,
        owner=entry.service,
        target=port_in(entry.target),
        protocol=entry.protocol.lower(),
        published=True,
        spot=entry.spot if number is not None else None,
    )
