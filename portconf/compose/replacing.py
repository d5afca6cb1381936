"""A token of a Compose file for another, every other byte as it is."""

from collections.abc import Iterable, Iterator

from portconf.compose import tree
from portconf.compose.tree import Node
from portconf.kinds import Problem


def replace(text: str, start: int, end: int, token: str) -> str:
    """
    Return the text with a token replaced; quotes are added where YAML needs them.

    What comes out is read again, and is the same document but for that one value.

    Args:
        text: A whole file.
        start: Where the token begins, in characters.
        end: Where it ends, itself not included.
        token: What stands there instead.

    Raises:
        Problem: If it cannot be replaced so. It completes "the token ...".
    """
    nodes = _nodes(text)
    index = next((i for i, each in enumerate(nodes) if _holds(each, start, end)), None)
    if index is None:
        raise Problem("is not where a value stands")
    node = nodes[index]
    first, last = node.start, node.start + len(node.raw)
    edge = int(node.style in {"'", '"'})
    inner = node.raw[edge : len(node.raw) - edge]
    if node.tag or node.value != inner:
        raise Problem("is written with a tag, with escapes or on several lines")
    value = text[first + edge : start] + token + text[end : last - edge]
    wanted = [_meaning(each) for each in nodes]
    wanted[index] = ("scalar", "", value)
    for quote in ("", '"') if not edge else (node.style,):
        edited = text[:first] + quote + value + quote + text[last:]
        if _reads_as(edited, wanted):
            return edited
    raise Problem("would read as something else with a variable in it")


def _holds(node: Node, start: int, end: int) -> bool:
    edge = int(node.style in {"'", '"'})
    first, last = node.start + edge, node.start + len(node.raw) - edge
    return node.kind == "scalar" and first <= start < end <= last


def _nodes(text: str) -> list[Node]:
    try:
        return list(_walk(tree.roots(text)))
    except tree.UnreadableError as error:
        raise Problem("is in no file that is YAML") from error


def _walk(roots: Iterable[Node]) -> Iterator[Node]:
    """Yield each node once: by aliases a small file says a lot more."""
    seen: set[int] = set()
    queue = list(roots)
    while queue:
        node = queue.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            queue += node.children


def _reads_as(text: str, wanted: list[tuple[str, str, str]]) -> bool:
    try:
        return [_meaning(each) for each in _nodes(text)] == wanted
    except Problem:
        return False


def _meaning(node: Node) -> tuple[str, str, str]:
    """Return what a node says, how it is quoted left aside."""
    many = f"{len(node.children)}" if node.kind != "scalar" else node.value
    return (node.kind, node.tag, many)
