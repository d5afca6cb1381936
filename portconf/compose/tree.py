"""A YAML text as nodes, each with its place; aliases lead to the node they name."""

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


# The scanner's work grows with the square of the nesting, and with the length.
LONGEST = 200_000
DEEPEST = 60
# By aliases each mapping may merge all those before it, and each again.
MOST_MERGED = 100
_TAGS = re.compile(r"(?:[&!]\S*\s*|#[^\n]*\n\s*)*")
# Legal between tokens, but ruamel.yaml refuses them; those that indent stay.
_TABS = re.compile(r"(?<=\S)[ \t]*\t[ \t]*|^[ \t]*\t[ \t]*(?=#|\r?$)", re.MULTILINE)


class UnreadableError(ValueError):
    """A text that is no YAML, or too much of it; its line counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """
    A scalar, a list or a mapping.

    Attributes:
        kind: Which of them.
        line: Where it begins, from 1.
        start: Where it begins, in characters of the whole text; of a scalar without
            its anchor and tag, and with its quotes.
        raw: A scalar as it is written, with its quotes.
        value: A scalar's text; nothing is resolved.
        style: Of a scalar: its quote, `|`, `>` or nothing.
        tag: As it is written, like `!override`; or nothing.
        children: Those of a list; of a mapping, each key and then its value.
    """

    kind: Literal["scalar", "list", "map"]
    line: int
    start: int
    raw: str = ""
    value: str = ""
    style: str = ""
    tag: str = ""
    children: list["Node"] = field(default_factory=list)
    _keys: dict[str, "Node"] = field(default_factory=dict, repr=False)
    _merged: list["Node"] = field(default_factory=list, repr=False)

    @property
    def empty(self) -> bool:
        """Whether it stands for nothing, as after `ports:`."""
        return self.kind == "scalar" and self.raw in {"", "~", "null", "Null", "NULL"}

    def pairs(self) -> Iterator[tuple["Node", "Node"]]:
        """Yield the keys of a mapping with their values."""
        if self.kind == "map":
            yield from zip(self.children[::2], self.children[1::2], strict=True)

    def merged(self) -> list["Node"]:
        """Return the mappings that stand under its merge key (`<<`)."""
        self._own()
        return self._merged

    def fields(self) -> Mapping[str, "Node"]:
        """
        Return the values of a mapping by key, merge keys followed.

        No mapping is copied: a thousand lines may each merge one of as many keys.
        """
        found: dict[int, Node] = {}
        queue = [self]
        while queue:
            each = queue.pop()
            if id(each) not in found:
                found[id(each)] = each
                queue += reversed(each.merged())
        own = [each._own() for each in found.values()]  # noqa: SLF001 - of its class
        return ChainMap(*own) if len(own) > 1 else own[0]

    def _own(self) -> dict[str, "Node"]:
        if not self._keys and not self._merged:
            for key, value in self.pairs():
                if key.raw == "<<":
                    listed = value.children if value.kind == "list" else [value]
                    self._merged.extend(listed)
                elif key.kind == "scalar":
                    self._keys.setdefault(key.value, value)
        return self._keys


def roots(text: str) -> list[Node]:
    """
    Return the documents of a text that are not empty.

    Raises:
        UnreadableError: If it is no YAML, if a mapping has a key twice, which Compose
            refuses too, or if it would take too long.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - most projects have no Compose file
    from ruamel.yaml.error import MarkedYAMLError  # noqa: PLC0415

    _refuse_excess(text)
    # One character for one: places stay what they are.
    plain = _TABS.sub(lambda found: " " * len(found.group()), text)
    builder = _Builder(text)
    try:
        for event in YAML(typ="safe", pure=True).parse(plain):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        reason = (error.problem or error.context or "it cannot be read").split("\n")[0]
        raise UnreadableError(line, f"no YAML: {reason}") from error
    except UnreadableError:
        raise
    except Exception as error:
        # Its scanner stumbles over some wrong texts, such as a \U escape of too much.
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        reason = str(getattr(error, "reason", error)).split("\n")[0]
        raise UnreadableError(line, f"no YAML: {reason}") from error
    return [each for each in builder.roots if not each.empty]


def _refuse_excess(text: str) -> None:
    if len(text) > LONGEST:
        raise UnreadableError(1, f"longer than {LONGEST} characters")
    depth = 0
    for found in re.finditer(r"[\[{]|[\]}]", text):
        depth = max(0, depth + (1 if found.group() in "[{" else -1))
        if depth > DEEPEST:
            line = text.count("\n", 0, found.start()) + 1
            raise UnreadableError(line, f"nested more than {DEEPEST} deep")


class _Builder:
    """Makes nodes of the parser's events, without recursion."""

    def __init__(self, text: str) -> None:
        self.roots: list[Node] = []
        self._text = text
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._weights: dict[int, int] = {}

    def take(self, event: Any) -> None:
        """Add what an event says."""
        match type(event).__name__:
            case "DocumentStartEvent":
                self._anchors = {}
            case "ScalarEvent":
                self._add(event, self._scalar(event))
            case "SequenceStartEvent" | "MappingStartEvent" as name:
                kind: Literal["list", "map"] = "list" if name[0] == "S" else "map"
                mark = event.start_mark
                node = Node(
                    kind=kind,
                    line=mark.line + 1,
                    start=mark.index,
                    tag=str(event.tag or ""),
                )
                self._add(event, node)
                self._open.append(node)
                if len(self._open) > DEEPEST:
                    raise UnreadableError(node.line, f"nested more than {DEEPEST} deep")
            case "SequenceEndEvent":
                self._open.pop()
            case "MappingEndEvent":
                self._close(self._open.pop())
            case "AliasEvent":
                self._add(event, self._named(event))
            case _:
                pass

    def _close(self, node: Node) -> None:
        _refuse_twins(node)
        weights = [self._weights.get(id(each), 1) for each in node.merged()]
        self._weights[id(node)] = weight = 1 + sum(weights)
        if weight > MOST_MERGED:
            reason = f"more than {MOST_MERGED} mappings merged into one"
            raise UnreadableError(node.line, reason)

    def _scalar(self, event: Any) -> Node:
        mark, end = event.start_mark, event.end_mark.index
        skipped = _TAGS.match(self._text, mark.index, end)
        start = skipped.end() if skipped else mark.index
        return Node(
            kind="scalar",
            line=mark.line + 1 + self._text.count("\n", mark.index, start),
            start=start,
            raw=self._text[start:end],
            value=event.value,
            style=event.style or "",
            tag=str(event.tag or ""),
        )

    def _named(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        line = event.start_mark.line + 1
        if node is None:
            raise UnreadableError(line, f"no anchor is named {event.anchor!r}")
        if any(node is each for each in self._open):
            raise UnreadableError(line, f"the anchor {event.anchor!r} contains itself")
        return node

    def _add(self, event: Any, node: Node) -> None:
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.roots.append(node)
        if event.anchor and type(event).__name__ != "AliasEvent":
            self._anchors[event.anchor] = node


def _refuse_twins(node: Node) -> None:
    seen: dict[str, Node] = {}
    for key, _ in node.pairs():
        first = seen.setdefault(key.value, key) if key.kind == "scalar" else key
        if first is not key:
            raise UnreadableError(
                key.line,
                f"the key {key.value!r} is there already, in line {first.line}",
            )
