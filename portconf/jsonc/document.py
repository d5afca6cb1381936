"""
A JSON document with comments that is the user's, and our section in it.

Only what stands between our two comments is ours, and what is put in beside them where
they are put in first; every other character stays.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from portconf.jsonc import tree
from portconf.jsonc.tree import Node, Part
from portconf.kinds import Problem


BEGIN = "// >>> portconf >>>"
END = "// <<< portconf <<<"
_NOTE = "// written by 'portconf export'; change pyproject.toml instead"
# From where to where, and what is to stand there.
_Splice: TypeAlias = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """
    A document whose value is an object.

    Attributes:
        text: Its characters.
        root: Its value.
    """

    text: str
    root: Node

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a document; one without a value gets an empty object.

        Raises:
            Problem: If it is no JSON with comments, or its value is no object. It
                completes "FILE ...".
        """
        root = tree.read(text)
        if root is None:
            newline = _newline(text)
            gap = "" if re.search(r"(?:^\ufeff?|\n)\Z", text) else newline
            return cls.parse(f"{text}{gap}{{}}{newline}")
        if root.kind != "{":
            raise Problem("must hold an object, '{...}'")
        return cls(text=text, root=root)

    def find(self, key: str, kind: Literal["{", "["]) -> Node | None:
        """
        Return the object or the list that a key of the document has.

        Raises:
            Problem: If the key is there twice, or has something else.
        """
        found = [each for each in self.root.items() if each.key == key]
        if len(found) > 1:
            raise Problem(f"has the key {key!r} twice: {self._lines(found)}")
        node = found[0].node if found else None
        if node and node.kind != kind:
            what = "an object" if kind == "{" else "a list"
            raise Problem(f"must have {what} at {key!r}: {self._lines(found)}")
        return node

    def theirs(self, key: str, kind: Literal["{", "["]) -> tuple[Part, ...]:
        """
        Return what stands there beside our section.

        Raises:
            Problem: As `find`, or if our two comments are not one pair in order.
        """
        node = self.find(key, kind)
        if node is None:
            return ()
        start, end = self._section(node) or (node.end, node.end)
        return tuple(x for x in node.items() if not start <= x.start < end)

    def with_section(
        self, key: str, kind: Literal["{", "["], items: Sequence[str]
    ) -> Self:
        """
        Put our section into an object or a list, in its old place or as its beginning.

        Args:
            key: A key of the document; is added where it is missing and there are items.
            kind: What it has.
            items: Each as it is to stand there, on one line.

        Raises:
            Problem: As `theirs`, or if a comma of the user's would stand alone.
        """
        node = self.find(key, kind)
        if node is None:
            if not items:
                return self
            lines = [*(f"{each}," for each in items[:-1]), items[-1]]
            step = self._inner(self.root)
            outer = self._outer(self.root) if self._inline(self.root) else step
            gap = _newline(self.text) + outer
            body = (gap + step).join(["", BEGIN, _NOTE, *lines, END])
            item = f'"{key}": {kind}{body}{gap}{tree.CLOSING[kind]}'
            return self.with_items([self.root], item)
        ours = self._section(node)
        if not items and not ours:
            return self
        start, end = ours or (self._head(node),) * 2
        indent = self._inner(node)
        lines = self._lines_of(node, (start, end), items)
        text = (_newline(self.text) + indent).join([BEGIN, _NOTE, *lines, END])
        if not ours:
            after = indent if any(x.start >= end for x in node.parts) else None
            text = f"{_newline(self.text)}{indent}{text}{self._rest(node, end, after)}"
        return self._spliced([(start, end, text)])

    def with_items(self, nodes: Iterable[Node], item: str) -> Self:
        """
        Add an item to the end of objects or lists, in a line of its own.

        Args:
            nodes: In their order in the document; none within another.
            item: As it is to stand there, without a comma.
        """
        return self._spliced([self._added(node, item) for node in nodes])

    def _added(self, node: Node, item: str) -> _Splice:
        last = node.parts[-1].end if node.parts else node.start + 1
        solid = [each for each in node.parts if each.node or each.comma]
        comma = solid[-1].end if solid and not solid[-1].comma else None
        inline = self._inline(node)
        lead = " " if inline else _newline(self.text) + self._inner(node)
        text = lead + item + ("" if inline else self._rest(node, last, None))
        if comma is None:
            return last, last, text
        return comma, last, f",{self.text[comma:last]}{text}"

    def _inline(self, node: Node) -> bool:
        """Tell whether the items of an object or a list all stand on one line."""
        solid = any(each.node or each.comma for each in node.parts)
        return solid and "\n" not in self.text[node.start : node.end]

    def line(self, part: Part | Node) -> int:
        """Return the line on which a part begins, from 1 on."""
        return tree.line(self.text, part.start)

    def _lines(self, parts: Sequence[Part]) -> str:
        lines = ", ".join(str(self.line(each)) for each in parts)
        return f"line{'s' * (len(parts) > 1)} {lines}"

    def _section(self, node: Node) -> tuple[int, int] | None:
        """Return from where to where our comments and what is between them stand."""
        marks = {
            mark: [x for x in node.parts if self.text[x.start : x.end].rstrip() == mark]
            for mark in (BEGIN, END)
        }
        begins, ends = marks[BEGIN], marks[END]
        if not begins and not ends:
            return None
        if len(begins) == len(ends) == 1 and begins[0].start < ends[0].start:
            return begins[0].start, ends[0].start + len(END)
        raise Problem(
            f"must hold one comment {BEGIN!r} and one {END!r} after it, got such"
            f" comments at {self._lines(sorted([*begins, *ends], key=self.line))}"
        )

    def _lines_of(
        self, node: Node, place: tuple[int, int], items: Sequence[str]
    ) -> list[str]:
        """Return the items with the commas that they need where they stand."""
        solid = [each for each in node.parts if each.node or each.comma]
        before = next((x for x in reversed(solid) if x.end <= place[0]), None)
        after = next((x for x in solid if x.start >= place[1]), None)
        lead = before is not None and not before.comma
        tail = after is not None and not after.comma
        if items:
            *most, last = [(", " if lead else "") + items[0], *items[1:]]
            return [*(f"{each}," for each in most), last + ("," if tail else "")]
        if after and after.comma and not lead:
            raise Problem(
                f"has a comma at line {self.line(after)} that would stand alone:"
                " take it away"
            )
        return [","] if lead and tail else []

    def _head(self, node: Node) -> int:
        """Return where the first item may begin: after comments on the first line."""
        head = node.start + 1
        for part in node.parts:
            if part.node or part.comma or "\n" in self.text[head : part.end]:
                break
            head = part.end
        return head

    def _rest(self, node: Node, end: int, indent: str | None) -> str:
        """Return the line break that what follows needs; None: its end follows."""
        if re.compile(r"[ \t]*\r?\n").match(self.text, end):
            return ""
        return _newline(self.text) + (self._outer(node) if indent is None else indent)

    def _outer(self, node: Node) -> str:
        """Return the blanks that begin the line on which an object or a list begins."""
        start = self.text.rfind("\n", 0, node.start) + 1
        return _blanks(self.text, start)

    def _inner(self, node: Node) -> str:
        """Return the blanks before its items: as they are, or one step more."""
        for part in node.parts:
            start = self.text.rfind("\n", 0, part.start) + 1
            blanks = _blanks(self.text, start)
            if start > node.start and start + len(blanks) == part.start:
                return blanks
        step = "  " if node is self.root else self._inner(self.root)
        return self._outer(node) + step

    def _spliced(self, splices: Iterable[_Splice]) -> Self:
        """Return the document with texts put in, in order; it is read once."""
        texts, done = [], 0
        for start, end, text in splices:
            texts += [self.text[done:start], text]
            done = end
        return type(self).parse("".join([*texts, self.text[done:]]))


def _newline(text: str) -> str:
    """Return the line end of a document, by its first line."""
    return "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"


def _blanks(text: str, start: int) -> str:
    found = re.compile(r"[ \t]*").match(text, start)
    return found[0] if found else ""
