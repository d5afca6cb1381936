"""The list under `ports:` of one Compose service, entry by entry."""

from collections.abc import Iterator, Mapping

from portconf.compose import entries
from portconf.compose.tree import Node
from portconf.compose.values import Published, Spot, Unread


_KEYS = ("target", "published", "host_ip", "protocol")


def listed(
    node: Node, *, service: str, file: str, most: int
) -> Iterator[Published | Unread]:
    """
    Yield each entry of a list once, in its order, or why it cannot be read.

    Args:
        node: What stands behind `ports:`.
        service: The Compose service that publishes them.
        file: Where the node is.
        most: How many are read: aliases make many of few.
    """
    if node.empty:
        return
    if node.kind != "list":
        reason = f"ports of {service!r}: no list"
        yield Unread(file=file, line=node.line, reason=reason, service=service)
        return
    children = list({id(child): child for child in node.children}.values())
    if len(children) > most:
        reason = (
            f"ports of {service!r}: too many in all, {len(children) - most} left out"
        )
        yield Unread(file=file, line=node.line, reason=reason, service=service)
    for each in children[:most]:
        try:
            if each.tag.startswith(("!reset", "!override")):
                raise ValueError(f"has the tag {each.tag}, on its own")  # noqa: TRY301
            read = _long if each.kind == "map" else _short
            yield read(each, service, file)
        except ValueError as error:
            reason = f"ports of {service!r}: its entry {error}"
            yield Unread(file=file, line=each.line, reason=reason, service=service)


def _short(node: Node, service: str, file: str) -> Published:
    if node.kind != "scalar":
        raise ValueError("is a list")
    inner, start = _inner(node)
    said, there = entries.parse(node.value), entries.parse(inner)
    # A quote or an escape before the port would put our finger beside it.
    if inner != node.value and (said.host_ip, said.target, said.protocol) != (
        there.host_ip,
        there.target,
        there.protocol,
    ):
        raise ValueError("is written with escapes")
    begin = start + there.start
    return Published(
        service=service,
        spot=Spot(
            file=file,
            line=node.line + node.raw.count("\n", 0, begin - node.start),
            start=begin,
            end=begin + len(there.published),
        ),
        form="short",
        published=said.published,
        target=said.target,
        host_ip=said.host_ip,
        protocol=said.protocol,
    )


def _long(node: Node, service: str, file: str) -> Published:
    fields = node.fields()
    texts = {key: _scalar(fields, key) for key in _KEYS}
    if not texts["target"]:
        raise ValueError("names no target")
    for key in ("target", "published"):
        if texts[key]:
            entries.check(texts[key])
    line, start, end = node.line, node.start, node.start
    if texts["published"]:
        token = fields["published"]
        inner, start = _inner(token)
        line, end = token.line, start + len(inner)
    return Published(
        service=service,
        spot=Spot(file=file, line=line, start=start, end=end),
        form="long",
        published=texts["published"],
        target=texts["target"],
        host_ip=texts["host_ip"],
        protocol=texts["protocol"].lower() or "tcp",
        extras=tuple(
            (key, each.value)
            for key, each in fields.items()
            if key not in texts and each.kind == "scalar" and not each.empty
        ),
    )


def _scalar(fields: Mapping[str, Node], key: str) -> str:
    node = fields.get(key)
    if node is None or node.empty:
        return ""
    if node.kind != "scalar":
        raise ValueError(f"has no text as its {key}")
    return node.value


def _inner(node: Node) -> tuple[str, int]:
    """Return a scalar as it is written, without its quotes, and where that begins."""
    if node.style in {"|", ">"}:
        raise ValueError("is a block of text")
    if node.style:
        return node.raw[1:-1], node.start + 1
    return node.raw, node.start
