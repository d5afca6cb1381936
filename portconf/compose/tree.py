"""A YAML text as nodes, each with its place; aliases lead to the node they name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal


# The scanner's work grows with the square of the nesting, and with the length.
LONGEST = 200_000
DEEPEST = 60
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

    @property
    def empty(self) -> bool:
        """Whether it stands for nothing, as after `ports:`."""
        return self.kind == "scalar" and self.raw in {"", "~", "null", "Null", "NULL"}

    def pairs(self) -> Iterator[tuple["Node", "Node"]]:
        """Yield the keys of a mapping with their values."""
        if self.kind == "map":
            yield from zip(self.children[::2], self.children[1::2], strict=True)

    def fields(self) -> dict[str, "Node"]:
        """
        Return the values of a mapping by key, merge keys (`<<`) followed.

        Each mapping is looked at once, however often it is merged.
        """
        found: dict[str, Node] = {}
        seen: set[int] = set()
        queue = [self]
        while queue:
            each = queue.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            merged = []
            for key, value in each.pairs():
                if key.raw == "<<":
                    merged += value.children if value.kind == "list" else [value]
                elif key.kind == "scalar":
                    found.setdefault(key.value, value)
            queue += reversed(merged)
        return found


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
            case "SequenceEndEvent" | "MappingEndEvent":
                _refuse_twins(self._open.pop())
            case "AliasEvent":
                self._add(event, self._named(event))
            case _:
                pass

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
