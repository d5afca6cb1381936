"""A variable in a text of a Compose file, `$NAME` or `${NAME...}`, not interpolated."""

import re
from dataclasses import dataclass


# Not `${NAME:+text}`, which is the text and never the variable's value.
_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?:(?P<sign>:?[?-])(?P<rest>.*))?\}"
    r"|(?P<bare>[A-Za-z_]\w*))",
    re.DOTALL | re.ASCII,
)
_NAMED = re.compile(r"\$\{?([A-Za-z_]\w*)", re.ASCII)
_HIDDEN = "x"  # no sign of an entry, and no number


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """
    A variable that is all of a text.

    Attributes:
        name: Its name.
        sign: `:-` or `-` before a default, `:?` or `?` before a demand; else empty.
        rest: The default or the demand.
    """

    name: str
    sign: str = ""
    rest: str = ""

    @property
    def default(self) -> str | None:
        """What stands for it where it is not set; None where nothing does."""
        return self.rest if self.sign.endswith("-") else None


def variable(text: str) -> str | None:
    """
    Return the variable that a text is as a whole, or None.

    Examples:
        >>> variable("${DB_PORT:-${OTHER:-5432}}"), variable("${A}${B}")
        ('DB_PORT', None)
    """
    found = whole(text)
    return found.name if found else None


def whole(text: str) -> Variable | None:
    """
    Return the variable that a text is as a whole, with its default or demand, or None.

    Examples:
        >>> whole("${DB_PORT:-5432}").default, whole("$DB_PORT").default
        ('5432', None)
    """
    found = _VARIABLE.fullmatch(text)
    if found is None or hidden(text).count("$") != 1:
        return None
    return Variable(
        name=found["braced"] or found["bare"],
        sign=found["sign"] or "",
        rest=found["rest"] or "",
    )


def variables(text: str) -> set[str]:
    """Return all variables that a text names, also in defaults."""
    return set(_NAMED.findall(text))


def demand(name: str) -> str:
    """
    Return the text that stands for a variable, and stops Compose where it is not set.

    Examples:
        >>> demand("DB_PORT")
        '${DB_PORT:?run portconf init}'
    """
    return f"${{{name}:?run portconf init}}"


def hidden(text: str) -> str:
    """
    Return a text with what is in braces and brackets hidden, as long as it was.

    Raises:
        ValueError: If a variable has no end, completing "its entry ...".
    """
    out, depth, bracket = [], 0, False
    for at, sign in enumerate(text):
        opens = sign == "{" and at > 0 and text[at - 1] == "$"
        depth += opens
        bracket = (bracket or sign == "[") and not depth and sign != "]"
        out.append(_HIDDEN if depth or bracket else sign)
        depth -= sign == "}" and depth > 0
    if depth:
        raise ValueError("has a variable without an end")
    return "".join(out)
