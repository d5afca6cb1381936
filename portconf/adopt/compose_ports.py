"""The ports that Compose publishes, as mentions of servers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from portconf.adopt import hosts
from portconf.adopt.values import Found, Mention, Note, port_in
from portconf.compose import container, interpolation, tree
from portconf.compose.tree import Node
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
        notes=tuple(
            dict.fromkeys(
                note for file in stack.files for note in _told(file, texts, mentions)
            )
        ),
    )


def _told(
    file: str, texts: Mapping[str, str], mentions: list[Mention]
) -> Iterator[Note]:
    """Yield where containers tell others a port of this machine, which moves."""
    whose = {str(each.number): each.owner for each in mentions if each.number}
    for root in tree.roots(texts[file]):
        services = root.fields().get("services")
        for service in services.fields().values() if services else ():
            for value in _values(service):
                port = hosts.port_beside(value.value)
                if port in whose:
                    # Kafka sends its clients there, a page its browser: to whoever has
                    # that port, as another checkout, once ours has moved.
                    text = (
                        f"{port} here is the port of {whose[port]!r} on this machine,"
                        " which moves: where anybody outside of the container is told"
                        " it, write the variable there"
                    )
                    yield Note(file=file, line=value.line, text=text)


def _values(service: Node) -> Iterator[Node]:
    """Yield what a container, or its build, is told by variables."""
    build = service.fields().get("build")
    for told in (
        service.fields().get("environment"),
        build.fields().get("args") if build else None,
    ):
        if told is not None:
            listed = told.children if told.kind == "list" else told.fields().values()
            yield from [each for each in listed if each.kind == "scalar"][
                : container.MOST
            ]


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
