"""The ports that Compose publishes, as mentions of servers."""

import re
from collections.abc import Mapping
from dataclasses import replace

from portconf.adopt.values import Found, Mention, port_in
from portconf.compose import interpolation
from portconf.compose.values import Published, Stack, Unread


# What is no use is taken first: a comment's line, and `$$`, which stands for a dollar.
_ANY = re.compile(r"^[ \t]*#.*$|\$\$|\$\{?([A-Za-z_]\w*)", re.MULTILINE)


def read(stack: Stack, texts: Mapping[str, str]) -> Found:
    """
    Return what Compose files publish, and which variables containers get.

    Args:
        stack: What the files say.
        texts: Their texts.
    """
    mentions: list[Mention] = []
    foreign: dict[str, str] = {}
    unread = [
        replace(each, reason=each.reason.removeprefix(f"{each.file} "))
        for each in stack.unread
    ]
    for each in stack.ports:
        mention = _mention(each)
        if isinstance(mention, Mention):
            mentions.append(mention)
            continue
        spot = each.spot
        unread.append(Unread(file=spot.file, line=spot.line, reason=mention))
        foreign |= dict.fromkeys(interpolation.variables(each.published), mention)
    tokens = {(each.spot.file, each.spot.start) for each in stack.ports}
    inner = {
        found[1]
        for file in stack.files
        for found in _ANY.finditer(texts[file])
        if found[1] and (file, found.start()) not in tokens
    }
    return Found(
        mentions=tuple(mentions),
        images={k: v for k, v in stack.images.items() if k not in stack.built},
        inner=frozenset(inner.union(*stack.passed.values())),
        foreign=foreign,
        unread=tuple(dict.fromkeys(unread)),
    )


def _mention(entry: Published) -> Mention | str:
    """Return the entry as a mention, or why it is none."""
    whose = f"{entry.service!r}"
    if not entry.published.strip("0"):
        return (
            f"Docker chooses the port of {whose} anew at each start; write a host port"
        )
    if entry.protocol.lower() not in ("tcp", "udp"):
        return (
            f"the port of {whose} speaks {entry.protocol}, which portconf does not know"
        )
    variable = interpolation.whole(entry.published)
    written = entry.published if variable is None else variable.default
    if any(
        re.fullmatch("[0-9]+-[0-9]+", each) for each in (entry.target, written or "")
    ):
        return (
            f"{whose} publishes the range {entry.published}, and a service has one port;"
            " write an entry for each"
        )
    number = port_in(written or "")
    if variable is None and number is None:
        return f"the host port of {whose} is {entry.published!r}, a variable in part"
    if written and number is None and variable:
        # Not what it is: it may be a secret.
        return f"the default of {variable.name} is not only a port"
    return Mention(
        file=entry.spot.file,
        line=entry.spot.line,
        variable=variable.name if variable else "",
        number=number,
        owner=entry.service,
        target=port_in(entry.target),
        protocol=entry.protocol.lower(),
        published=True,
        spot=entry.spot,
    )
