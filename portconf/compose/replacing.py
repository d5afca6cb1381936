"""Tokens of a Compose file for others, every other byte as it is."""

import dataclasses
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from portconf.compose import tree
from portconf.compose.tree import Node
from portconf.kinds import Problem


_NOWHERE = "is not where a value stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """
    What is to stand in a place of a text.

    Attributes:
        start: Where the old token begins, in characters.
        end: Where it ends, itself not included.
        text: The new one.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """
    A scalar with a new value.

    Attributes:
        token: What it is for.
        index: The place of the scalar among the nodes.
        node: The scalar as it is.
        value: Its new value.
        quote: Its quotes, the old ones or what YAML needs.
    """

    token: Token
    index: int
    node: Node
    value: str
    quote: str


def replace(text: str, tokens: Iterable[Token]) -> tuple[str, dict[Token, str]]:
    """
    Return the text with tokens replaced, and why the others are not.

    Quotes are added where YAML needs them. What comes out is read again, and is the
    same document but for those values; the reasons complete "the token ...".

    Args:
        text: A whole file.
        tokens: No two of them overlap.

    Raises:
        Problem: If it is no YAML; it completes "the token ...".
    """
    nodes = _nodes(text)
    flow = _in_brackets(nodes, text)
    cuts: list[_Cut] = []
    wrong: dict[Token, str] = {}
    scalars = sorted(
        (each.start, index) for index, each in enumerate(nodes) if each.kind == "scalar"
    )
    for token in tokens:
        # The last scalar that begins at the token, or before it.
        place = bisect_right(scalars, (token.start, len(nodes))) - 1
        try:
            if place < 0:
                raise Problem(_NOWHERE)  # noqa: TRY301
            cuts.append(_cut(text, token, nodes, scalars[place][1], flow))
        except Problem as problem:
            wrong[token] = str(problem)
    if len(_edited(text, cuts)) > tree.LONGEST:
        reason = f"would make the file longer than {tree.LONGEST} characters"
        return text, {**wrong, **{each.token: reason for each in cuts}}
    done = _fitting(text, cuts, nodes)
    kept = {each.token for each in done}
    reason = "would read as something else with a variable in it"
    wrong |= {each.token: reason for each in cuts if each.token not in kept}
    return _edited(text, done), wrong


def _fitting(text: str, cuts: list[_Cut], nodes: list[Node]) -> list[_Cut]:
    """Return those with which a text reads as it should."""
    meanings = [_meaning(each) for each in nodes]
    done: list[_Cut] = []
    # All at once; where that fails, the halves, down to the one that fails.
    queue = [cuts]
    while queue:
        some = queue.pop()
        if _reads_as(_edited(text, [*done, *some]), [*done, *some], meanings):
            done += some
        elif len(some) > 1:
            half = len(some) // 2
            queue += [some[half:], some[:half]]
        elif some and not some[0].quote:
            queue.append([dataclasses.replace(some[0], quote='"')])
    return done


def _cut(
    text: str, token: Token, nodes: list[Node], index: int, flow: set[int]
) -> _Cut:
    node = nodes[index]
    edge = int(node.style in {"'", '"'})
    first, last = node.start + edge, node.start + len(node.raw) - edge
    if not first <= token.start < token.end <= last:
        raise Problem(_NOWHERE)
    if node.tag or node.value != text[first:last]:
        raise Problem("is written with a tag, with escapes or on several lines")
    return _Cut(
        token=token,
        index=index,
        node=node,
        value=text[first : token.start] + token.text + text[token.end : last],
        quote=node.style or ('"' if id(node) in flow else ""),
    )


def _in_brackets(nodes: Iterable[Node], text: str) -> set[int]:
    """Return the nodes between brackets, where a variable needs quotes."""
    opened = re.compile(r"(?:[&!]\S*\s+)*[\[{]")
    found: set[int] = set()
    for node in nodes:  # those outside come first
        if id(node) in found or (node.children and opened.match(text, node.start)):
            found.update(id(each) for each in node.children)
    return found


def _edited(text: str, chosen: Iterable[_Cut]) -> str:
    parts, at = [], 0
    for cut in sorted(chosen, key=lambda each: each.node.start):
        parts += [text[at : cut.node.start], cut.quote, cut.value, cut.quote]
        at = cut.node.start + len(cut.node.raw)
    return "".join([*parts, text[at:]])


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


def _reads_as(
    text: str, chosen: Iterable[_Cut], before: list[tuple[str, str, str]]
) -> bool:
    wanted = list(before)
    for cut in chosen:
        wanted[cut.index] = ("scalar", "", cut.value)
    try:
        return [_meaning(each) for each in _nodes(text)] == wanted
    except Problem:
        return False


def _meaning(node: Node) -> tuple[str, str, str]:
    """Return what a node says, how it is quoted left aside."""
    many = f"{len(node.children)}" if node.kind != "scalar" else node.value
    return (node.kind, node.tag, many)
