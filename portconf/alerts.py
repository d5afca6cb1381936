"""What `[tool.portconf.alerts]` can say: who is told by `watch`, and of what."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portconf.keys import key
from portconf.kinds import Choice, Matching, Problem, Words, shown


class Ring(StrEnum):
    """What an alert can be about."""

    CONFLICT = "conflict"
    FOREIGN = "foreign"
    DOWN = "down"
    RECOVERED = "recovered"


PLACEHOLDERS = (
    *("event", "was", "service", "port", "message", "owner"),
    *("project", "root", "branch", "instance"),
)
_NAMES = "|".join(PLACEHOLDERS)
_WORD = rf"(?:[^{{}}]|\{{\{{|\}}\}}|\{{(?:{_NAMES})\}})+"
_PORT = (
    r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]"
    r"|6553[0-5]"
)
_PART = re.compile(r"\{\{|\}\}|\{([a-z]+)\}")


def fill(word: str, values: dict[str, str]) -> str:
    """
    Put values into a word of a declared command.

    Args:
        word: With placeholders, and with braces doubled.
        values: One for each placeholder.

    Examples:
        >>> fill("{service} in {{}}", {"service": "web"})
        'web in {}'
    """
    return _PART.sub(
        lambda found: values[found[1]] if found[1] else found[0][0],
        word,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A list of words with placeholders."""

    def read(self, value: Any) -> tuple[str, ...]:
        """Check each word."""
        words = Words().read(value)
        for word in words:
            if not re.fullmatch(_WORD, word):
                raise Problem(
                    "must hold placeholders as '{message}', one of"
                    f" {', '.join(PLACEHOLDERS)}, and braces as '{{{{' and '}}}}', got"
                    f" {shown(word)} in it"
                )
        return words

    def schema(self) -> dict[str, Any]:
        """Return a list of strings with a pattern."""
        schema = Words().schema()
        return {**schema, "items": {**schema["items"], "pattern": f"^{_WORD}$"}}

    def words(self) -> str:
        """Name the kind."""
        return "a list of texts (a command)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rings:
    """A list of some of the things that ring."""

    def read(self, value: Any) -> tuple[Ring, ...]:
        """Check each of them."""
        if not isinstance(value, list):
            raise Problem(f"must be {self.words()}, got {shown(value)}")
        choice = Choice(words_type=Ring)
        return tuple(
            Ring(choice.read(each)) for each in dict.fromkeys(map(_one, value))
        )

    def schema(self) -> dict[str, Any]:
        """Return a list of an enumeration."""
        return {"type": "array", "items": Choice(words_type=Ring).schema()}

    def words(self) -> str:
        """List the words."""
        return f"a list of {', '.join(repr(str(each)) for each in Ring)}"


def _one(value: Any) -> str:
    """Return a text of a list, which a table or a list in it would not be."""
    if not isinstance(value, str):
        raise Problem(f"must be {_Rings().words()}, got {shown(value)} in it")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Who is told by `watch`; its fields are the keys of `[tool.portconf.alerts]`."""

    command: tuple[str, ...] | None = key(
        _Command(),
        None,
        "A command that is run for each alert, without a shell; `{message}` and the"
        " like become what the alert says.",
    )
    webhook: str | None = key(
        Matching(
            rule="a URL that starts with 'http://' or 'https://', without a user, its"
            " port from 1 to 65535",
            pattern=r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
            rf"(?::(?:{_PORT}))?(?:[/?][!-~]*)?",
            limit=2000,
        ),
        None,
        "An address that gets each alert as JSON, by HTTP POST.",
    )
    on: tuple[Ring, ...] | None = key(
        _Rings(), None, "What alerts are about; absent: all of these."
    )

    @property
    def rings(self) -> tuple[Ring, ...]:
        """What alerts are about; nothing where nobody is to be told."""
        if self.command is None and self.webhook is None:
            return ()
        return tuple(Ring) if self.on is None else self.on
