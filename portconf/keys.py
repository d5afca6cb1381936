"""The keys of a table of the declaration, declared as fields of a dataclass."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from portconf.kinds import Kind, Problem, did_you_mean


_SHOWN = 64


def key(kind: Kind, default: Any, about: str) -> Any:
    """
    Declare a dataclass field as a key of the declaration.

    Args:
        kind: What its value is.
        default: The value where the key is absent.
        about: One sentence for the reference page and the schema.
    """
    return field(default=default, metadata={"kind": kind, "about": about})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    One key of a table of the declaration.

    Attributes:
        name: As TOML spells it, in kebab case.
        field: As the dataclass spells it.
        kind: What its value is.
        default: The value where the key is absent.
        about: One sentence for people.
    """

    name: str
    field: str
    kind: Kind
    default: Any
    about: str


def keys_of(table: type[Any]) -> dict[str, Key]:
    """Return the keys that a dataclass declares, by TOML name, in its order."""
    return {
        name: Key(
            name=name,
            field=each.name,
            kind=each.metadata["kind"],
            default=each.default,
            about=each.metadata["about"],
        )
        for each in fields(table)
        if "kind" in each.metadata
        for name in (each.name.replace("_", "-"),)
    }


def read_table(
    table: type[Any],
    raw: Mapping[str, Any],
    at: tuple[str, ...],
    problems: list[str],
    *,
    also: tuple[str, ...] = (),
) -> dict[str, Any]:
    """
    Read the keys that ``table`` declares.

    Args:
        table: Dataclass whose fields were made by `key`.
        raw: The TOML table.
        at: Where it stands, for messages.
        problems: Gets a line for each problem; the value is then left out.
        also: Further keys that are allowed, and read by the caller.

    Returns:
        The values by field name, without those absent or wrong.
    """
    known = keys_of(table)
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if name in known:
            try:
                values[known[name].field] = known[name].kind.read(value)
            except Problem as problem:
                problems.append(f"{dotted(*at, name)} {problem}")
        elif name not in also:
            near = did_you_mean(name, [*known, *also])
            problems.append(f"unknown key {dotted(*at, name)}{near}")
    return values


def dotted(*parts: str) -> str:
    """
    Join the parts of a key as TOML writes them.

    Examples:
        >>> dotted("tool", "portconf", "a b")
        'tool.portconf."a b"'
    """
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", part) else _quoted(part)
        for part in parts
    )


def _quoted(part: str) -> str:
    """Quote a part of a key: on one line, whatever it holds, and cut where long."""
    text = part.encode("unicode_escape").decode()
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[: _SHOWN - 4]}..."'
