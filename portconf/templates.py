"""Variables made from ports: the values of `[tool.portconf.env]`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Self

from portconf.kinds import Problem, shown


# What no env-file parser reads alike inside single quotes, and no shell carries:
# python-dotenv and Compose lose the lines after a value that ends in a backslash.
_BAD = r"'\\\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff"
# python-dotenv puts the value of ${NAME} in, inside single quotes too.
_UNWRITABLE = re.compile(rf"[{_BAD}]|\$\{{")
TEMPLATE_PATTERN = (
    rf"(?!.*\$\{{\{{)(?:[^{{}}{_BAD}]|\{{\{{|\}}\}}|\{{[a-z0-9][a-z0-9._-]*\}})*"
)


def _written(literal: str, name: str | None) -> str:
    """Return a part as a template has it: without it, formats and conversions show."""
    braces = literal.replace("{", "{{").replace("}", "}}")
    return braces + (f"{{{name}}}" if name else "")


LIMIT = 4000  # far below what any environment takes


def unwritable(value: str) -> str | None:
    """
    Return the first part of ``value`` that no env file can carry, or None.

    Env files are read by parsers that disagree on quotes, backslashes and control
    characters; a value with one of them is refused rather than read two ways.
    """
    found = _UNWRITABLE.search(value)
    return found.group() if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """
    A variable made from ports.

    Attributes:
        variable: Its name.
        text: The value, with ``{SERVICE}`` for a service's effective port and
            ``{{`` and ``}}`` for braces.
    """

    variable: str
    text: str

    @classmethod
    def parse(cls, variable: str, text: object) -> Self:
        """
        Check a template's form; whether its services exist is the caller's question.

        Raises:
            Problem: If the text cannot be a template, completing "KEY ...".
        """
        if not isinstance(text, str):
            raise Problem(f"must be text, got {shown(text)}")
        template = cls(variable=variable, text=text)
        try:
            parts = list(Formatter().parse(text))
        except ValueError:
            parts = []
        if text != "".join(_written(literal, name) for literal, name, _, _ in parts):
            raise Problem(
                "must hold services as '{name}' and braces as '{{' and '}}',"
                f" got {shown(text)}"
            )
        bad = unwritable(template.fill(dict.fromkeys(template.services, 0)))
        if bad:
            raise Problem(
                f"must not contain {bad!r}, which env files do not carry alike,"
                f" got {shown(text)}"
            )
        if len(text) > LIMIT:
            raise Problem(
                f"must be at most {LIMIT} characters, got {len(text)} of them"
            )
        return template

    @property
    def services(self) -> tuple[str, ...]:
        """The services it names, in its order."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.text) if name)

    def fill(self, ports: Mapping[str, int]) -> str:
        """
        Put the ports in.

        Raises:
            KeyError: If ``ports`` lacks a service that the template names.
        """
        return "".join(
            literal + (str(ports[name]) if name else "")
            for literal, name, _, _ in Formatter().parse(self.text)
        )
