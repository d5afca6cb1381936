"""
The kinds of value that a key of the declaration can hold.

A kind is the one source for a key: it reads the value, words the rule that a wrong
value broke, and writes the JSON Schema of it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


_SHOWN = 64


class Problem(ValueError):  # noqa: N818 - not an error that leaves the reader
    """A value breaks its rule; the text completes "KEY ..."."""


class Kind(Protocol):
    """What one sort of value is, in TOML, in Python and in JSON Schema."""

    def read(self, value: Any) -> Any:
        """
        Turn a TOML value into the Python one.

        Raises:
            Problem: If ``value`` breaks the rule.
        """

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the values that `read` takes."""

    def words(self) -> str:
        """Name the kind for the reference page, like "an integer"."""


def shown(value: object) -> str:
    """
    Return ``value`` as it is quoted in a message, cut where it is long.

    Examples:
        >>> shown("eighty")
        "'eighty'"
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number too long, a table too deep
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}..."


def did_you_mean(word: str, known: list[str]) -> str:
    """
    Return "; did you mean ...?" for a near name, else nothing.

    Examples:
        >>> did_you_mean("prot", ["port", "env"])
        "; did you mean 'port'?"
    """
    from difflib import get_close_matches  # noqa: PLC0415 - for the rare typo

    if len(word) > _SHOWN:
        return ""
    near = get_close_matches(word.lower().replace("_", "-"), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """
    Text of a given form.

    Attributes:
        rule: Completes "must be ...".
        pattern: Regular expression that the whole text matches.
        limit: Most characters allowed.
    """

    rule: str
    pattern: str
    limit: int = 255

    def read(self, value: Any) -> str:
        """Check that ``value`` is text of the form."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise Problem(f"must be {self.rule}, got {shown(value)}")
        if len(value) > self.limit:
            raise Problem(
                f"must be at most {self.limit} characters, got {len(value)} of them"
            )
        return value

    def schema(self) -> dict[str, Any]:
        """Return a string with pattern and length."""
        return {
            "type": "string",
            "pattern": f"^{self.pattern}$",
            "maxLength": self.limit,
        }

    def words(self) -> str:
        """Return the rule itself."""
        return self.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A whole number of at least ``least`` and at most ``most``."""

    least: int
    most: int

    def read(self, value: Any) -> int:
        """Check the bounds, both ends included."""
        if type(value) is not int or not self.least <= value <= self.most:
            raise Problem(f"must be {self.words()}, got {shown(value)}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return a bounded integer."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def words(self) -> str:
        """Name the kind."""
        return f"an integer from {self.least} to {self.most}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port(Count):
    """A port number, 1 to 65535."""

    least: int = 1
    most: int = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false."""

    def read(self, value: Any) -> bool:
        """Check that ``value`` is a TOML boolean."""
        if not isinstance(value, bool):
            raise Problem(f"must be true or false, got {shown(value)}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return a boolean."""
        return {"type": "boolean"}

    def words(self) -> str:
        """Name the kind."""
        return "true or false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """
    One of a few words.

    Attributes:
        words_type: The words.
    """

    words_type: type[StrEnum]

    def read(self, value: Any) -> StrEnum:
        """Return the member that ``value`` names, with a near name for a wrong one."""
        names = [str(word) for word in self.words_type]
        if not isinstance(value, str) or value not in names:
            near = did_you_mean(value, names) if isinstance(value, str) else ""
            raise Problem(f"must be {self.words()}, got {shown(value)}{near}")
        return self.words_type(value)

    def schema(self) -> dict[str, Any]:
        """Return an enumeration."""
        return {"enum": [str(word) for word in self.words_type]}

    def words(self) -> str:
        """List the words."""
        return " or ".join(repr(str(word)) for word in self.words_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """
    Text that a function turns into a value.

    Attributes:
        rule: Completes "must be ...".
        pattern: Regular expression for the schema, which cannot call the function.
        parse: Raises `ValueError` for text that breaks the rule.
    """

    rule: str
    pattern: str
    parse: Callable[[str], Any]

    def read(self, value: Any) -> Any:
        """Return what the function makes of the text."""
        try:
            if isinstance(value, str):
                return self.parse(value)
        except ValueError:
            pass
        raise Problem(f"must be {self.rule}, got {shown(value)}")

    def schema(self) -> dict[str, Any]:
        """Return a string with a pattern."""
        return {"type": "string", "pattern": f"^{self.pattern}$"}

    def words(self) -> str:
        """Return the rule."""
        return self.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """
    A value of the first kind that takes it.

    Attributes:
        kinds: In the order in which they are tried.
        rule: Completes "must be ...".
    """

    kinds: tuple[Kind, ...]
    rule: str

    def read(self, value: Any) -> Any:
        """Return what the first kind that takes ``value`` makes of it."""
        for kind in self.kinds:
            try:
                return kind.read(value)
            except Problem:
                continue
        raise Problem(f"must be {self.rule}, got {shown(value)}")

    def schema(self) -> dict[str, Any]:
        """Return the alternatives."""
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def words(self) -> str:
        """Return the rule."""
        return self.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """The TOML value ``false``, which stands for "none"."""

    def read(self, value: Any) -> None:
        """Turn ``false`` into None."""
        if value is not False:
            raise Problem(f"must be false, got {shown(value)}")

    def schema(self) -> dict[str, Any]:
        """Return the constant."""
        return {"const": False}

    def words(self) -> str:
        """Name the kind."""
        return "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A list of at least one non-empty text."""

    def read(self, value: Any) -> tuple[str, ...]:
        """Check each text."""
        if not isinstance(value, list) or not value:
            raise Problem(f"must be a list of texts, got {shown(value)}")
        for word in value:
            if not isinstance(word, str) or not word or "\0" in word:
                raise Problem(f"must be a list of texts, got {shown(word)} in it")
        return tuple(value)

    def schema(self) -> dict[str, Any]:
        """Return a list of strings."""
        return {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "minLength": 1},
        }

    def words(self) -> str:
        """Name the kind."""
        return "a list of texts"
