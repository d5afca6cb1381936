"""Where each part of a JSON document with comments is."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from portconf.kinds import Problem, shown


BOM = "\ufeff"
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<comment>//[^\r\n]*|/\*.*?\*/)"
    r'|(?P<text>"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*")'
    r"|(?P<plain>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\b"
    r"|(?:true|false|null)\b)"
    r"|(?P<sign>[{}\[\]:,])",
    re.DOTALL,
)
CLOSING = {"{": "}", "[": "]", "": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    One value.

    Attributes:
        kind: `{` for an object, `[` for a list, `"` for a text, empty for the rest.
        start: Where it begins in the document.
        end: Where it has ended.
        value: A text decoded, a number or a word as it is written; else empty.
        parts: What stands in an object or a list, in its order.
    """

    kind: Literal["{", "[", '"', ""]
    start: int
    end: int
    value: str = ""
    parts: tuple["Part", ...] = ()

    def items(self) -> Iterator["Part"]:
        """Yield the members of an object, or the elements of a list."""
        return (each for each in self.parts if each.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    What stands in an object or a list: an item, a comma or a comment.

    A comment between a key and its value is a part of the item.

    Attributes:
        start: Where it begins: at the key, where it has one.
        end: Where it has ended.
        node: The item's value; None for a comma and a comment.
        key: The item's key in an object; else empty.
        comma: Whether it is a comma.
    """

    start: int
    end: int
    node: Node | None = None
    key: str = ""
    comma: bool = False


@dataclass(slots=True, kw_only=True)
class _Open:
    """An object or a list, or the document itself, that has not ended yet."""

    kind: Literal["{", "[", ""]
    start: int
    parts: list[Part] = field(default_factory=list)
    key: tuple[int, str] | None = None
    colon: bool = False
    after: bool = False

    def wanted(self) -> str:
        if self.after:
            return f"',' or '{CLOSING[self.kind]}'" if self.kind else "nothing more"
        if self.kind != "{" or self.colon:
            return "a value"
        return "':'" if self.key else "a key in double quotes"

    def note(self, comment: Part) -> None:
        """Take a comment, unless it stands inside of an item, after its key."""
        if self.key is None:
            self.parts.append(comment)

    def take(self, node: Node) -> bool:
        """Take a value, or a text for a key; tell whether it may stand here."""
        if self.after:
            return False
        if self.kind == "{" and self.key is None:
            if node.kind == '"':
                self.key = node.start, node.value
            return node.kind == '"'
        if self.kind == "{" and not self.colon:
            return False
        start, key = self.key or (node.start, "")
        self.parts.append(Part(start=start, end=node.end, node=node, key=key))
        self.key, self.colon, self.after = None, False, True
        return True


def line(text: str, position: int) -> int:
    """Return the line of a place in the document, from 1 on."""
    return text.count("\n", 0, position) + 1


def read(text: str) -> Node | None:
    """
    Return the value of a document, or None where it holds only blanks and comments.

    Args:
        text: Comments may stand anywhere, and a comma after the last item.

    Raises:
        Problem: If it is no such document. It completes "FILE ...".
    """
    stack = [_Open(kind="", start=0)]
    for kind, start, end in _tokens(text):
        here, word = stack[-1], text[start:end]
        right = True
        if kind == "comment":
            here.note(Part(start=start, end=end))
        elif kind in ("text", "plain"):
            right = here.take(_scalar(text, start, end))
        elif word in ("{", "["):
            right = not here.after and (here.kind != "{" or here.colon)
            stack.append(_Open(kind="{" if word == "{" else "[", start=start))
        elif word == ":":
            right = here.key is not None and not here.colon
            here.colon = True
        elif word == ",":
            right = here.after and here.kind != ""
            here.parts.append(Part(start=start, end=end, comma=True))
            here.after = False
        else:
            right = CLOSING[here.kind] == word and here.key is None
            if right:
                stack.pop()
                parts = tuple(here.parts)
                node = Node(kind=here.kind, start=here.start, end=end, parts=parts)
                stack[-1].take(node)
        if not right:
            raise _wrong(text, start, f"{here.wanted()}, got {shown(word)}")
    if len(stack) > 1:
        raise _wrong(text, len(text), f"{stack[-1].wanted()}, and it ends")
    return next((each.node for each in stack[0].parts if each.node), None)


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the tokens that are not blank: their kind, and from where to where."""
    position = len(BOM) if text.startswith(BOM) else 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            got = shown(text[position : position + 20].partition("\n")[0])
            raise _wrong(text, position, f"JSON with comments, got {got}")
        if found.lastgroup != "blank":
            yield str(found.lastgroup), position, found.end()
        position = found.end()


def _scalar(text: str, start: int, end: int) -> Node:
    word = text[start:end]
    if not word.startswith('"'):
        return Node(kind="", start=start, end=end, value=word)
    try:
        value = json.loads(word)
    except json.JSONDecodeError as error:
        raise _wrong(text, start, f"a text, got {shown(word)}") from error
    return Node(kind='"', start=start, end=end, value=value)


def _wrong(text: str, position: int, what: str) -> Problem:
    return Problem(f"is broken at line {line(text, position)}: expected {what}")
