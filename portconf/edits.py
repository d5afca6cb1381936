"""Changes to the text of a `pyproject.toml` that keep everything else in it."""

import copy
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.items import Table

from portconf.errors import ConfigError
from portconf.keys import dotted
from portconf.lines import of_declaration
from portconf.settings import PYPROJECT


_BOM = "\ufeff"


def add(text: str, name: str, keys: Mapping[str, Any]) -> str:
    """
    Declare a service after the others, in the form in which they are declared.

    Args:
        text: The whole file; with or without `[tool.portconf]`.
        name: The service, which is not declared yet.
        keys: The keys of its table, by TOML name.

    Returns:
        The whole file; comments, order and line ends are as they were.

    Raises:
        ConfigError: If the file's form leaves no place for the keys.
    """
    return add_all(text, services={name: keys})


def add_all(
    text: str,
    *,
    services: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, str] | None = None,
) -> str:
    """
    Declare several services and variables, as `add` does for one.

    Args:
        text: The whole file; with or without `[tool.portconf]`.
        services: The keys of each new service's table, by TOML name.
        variables: The text of each new variable of `[tool.portconf.env]`.

    Raises:
        ConfigError: If the file's form leaves no place for them.
    """
    full = {name: dict(keys) for name, keys in services.items()}
    short = {name: _short(keys) for name, keys in full.items()}
    there = _services(tomllib.loads(text.removeprefix(_BOM)))
    listed = [each for each, value in short.items() if value]
    if listed and isinstance(there, list):
        raise ConfigError(
            f"{PYPROJECT}: tool.portconf.services is a list, which has no place for"
            f" {', '.join(sorted(full[listed[0]]))} of {listed[0]!r}",
            hint="turn it into a table: [tool.portconf.services]",
        )
    tables = "\n".join(
        f"[{dotted('tool', 'portconf', 'services', name)}]\n" + _lines(keys)
        for name, keys in full.items()
    )
    first = "[tool.portconf.services]\n" + _lines(short)
    if full:
        text = _first_right(
            text,
            (lambda t: _append(t, "services", short), _setting("services", short)),
            (lambda t: _ended(t, tables), _setting("services", full))
            if there
            else (lambda t: _ended(t, first), _setting("services", short)),
            what=f"declare {', '.join(map(repr, full))} there",
        )
    return _set_variables(text, dict(variables)) if variables else text


def _set_variables(text: str, variables: dict[str, str]) -> str:
    table = "[tool.portconf.env]\n" + _lines(variables)
    return _first_right(
        text,
        (lambda t: _append(t, "env", variables), _setting("env", variables)),
        (lambda t: _ended(t, table), _setting("env", variables)),
        what=f"set {', '.join(variables)} there",
    )


def _short(keys: Mapping[str, Any]) -> Any:
    """Return the keys in the short form where they have one."""
    return keys.get("purpose", "") if set(keys) <= {"purpose"} else keys


def _setting(part: str, entries: Mapping[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return what adds entries to a decoded file."""

    def change(document: dict[str, Any]) -> None:
        portconf = document.setdefault("tool", {}).setdefault("portconf", {})
        table = portconf.setdefault(part, {})
        if isinstance(table, list):
            table += entries
        else:
            table.update(entries)

    return change


def remove(text: str, name: str) -> str:
    """
    Take a declared service out; comments on its line go with it.

    Args:
        text: The whole file.
        name: The service, which is declared.

    Raises:
        ConfigError: If the file's form does not allow it.
    """

    def change(document: dict[str, Any]) -> None:
        services = _services(document)
        if isinstance(services, list):
            services.remove(name)
        else:
            del services[name]

    empty = "[tool.portconf.services]\n"
    return _first_right(
        text,
        (lambda t: _cut(t, name), change),
        # The last [tool.portconf.services.NAME] takes its parents along.
        (lambda t: _ended(_cut(t, name), empty), change),
        (lambda t: _remove(t, name), change),
        (lambda t: _ended(_remove(t, name), empty), change),
        what=f"take {name!r} out",
    )


def _services(document: Any) -> Any:
    """Return what stands under `tool.portconf.services`; nothing: an empty table."""
    for part in ("tool", "portconf", "services"):
        document = document.get(part, {}) if isinstance(document, dict) else {}
    return document


def _first_right(
    text: str,
    *ways: tuple[Callable[[str], str], Callable[[dict[str, Any]], None]],
    what: str,
) -> str:
    """
    Return the first edited text that means what it should, and nothing else.

    The editor works on a syntax tree whose corners are many; what it made is read
    back by the standard parser, order included, before anybody else sees it.
    """
    mark = _BOM if text.startswith(_BOM) else ""
    windows = "\r\n" in text and "\n" not in text.replace("\r\n", "")
    # tomlkit ends the lines it adds with a bare newline.
    plain = text.removeprefix(mark).replace("\r\n", "\n") if windows else text
    plain = plain.removeprefix(mark)
    before = tomllib.loads(plain)
    for edit, change in ways:
        try:
            wanted = copy.deepcopy(before)
            change(wanted)
            edited = edit(plain)
            if _same(tomllib.loads(edited), wanted):
                return mark + (edited.replace("\n", "\r\n") if windows else edited)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue
    raise ConfigError(
        f"{PYPROJECT}: the form of [tool.portconf] does not let portconf {what}",
        hint="edit the file by hand, then run 'portconf init'",
    )


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Compare two decoded files; the order of services counts, it is that of ports."""
    return list(_services(one)) == list(_services(other)) and _plain(one) == _plain(
        other
    )


def _plain(value: Any) -> Any:
    # repr: an integer is no float and no boolean here, and NaN equals itself.
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return repr(value)


def _append(text: str, part: str, entries: Mapping[str, Any]) -> str:
    """Add entries to the table or list that is there."""
    document = tomlkit.parse(text)
    portconf: Any = document["tool"]["portconf"]
    there = portconf.get(part)
    if there is None and not isinstance(portconf, Table):
        portconf[part] = _item(entries)
    elif there is None:
        new = tomlkit.table()
        _fill(new, entries)
        for _ in _before_trailing(portconf):
            portconf.add(tomlkit.nl())
            portconf.add(part, new)
    elif isinstance(there, list):
        there.extend(entries)
    elif isinstance(there, Table):
        for _ in _before_trailing(there):
            _fill(there, entries)
    else:
        there.update({name: _item(value) for name, value in entries.items()})
    return tomlkit.dumps(document)


def _fill(table: Table, entries: Mapping[str, Any]) -> None:
    for name, value in entries.items():
        table.add(name, _item(value))


def _before_trailing(table: Table) -> Iterator[None]:
    """
    Set a table's last comments and blank lines aside while it is appended to.

    They belong to what follows: a key after them would stand below the comment of
    the next table.
    """
    body = table.value.body
    trailing = []
    while body and body[-1][0] is None:
        trailing.append(body.pop())
    yield
    body.extend(reversed(trailing))


def _remove(text: str, name: str) -> str:
    document = tomlkit.parse(text)
    services: Any = document["tool"]["portconf"]["services"]
    if isinstance(services, list):
        services.remove(name)
    else:
        del services[name]
    return tomlkit.dumps(document)


def _cut(text: str, name: str) -> str:
    """
    Take the lines of a table [tool.portconf.services.NAME] out.

    The editor would take the comments after it along, which tell of the next table.
    """
    lines = text.splitlines(keepends=True)
    first = of_declaration(text, name)
    if first is None or not lines[first - 1].lstrip().startswith("["):
        raise LookupError(name)
    end = first
    for index, line in enumerate(lines[first:], start=first + 1):
        if line.lstrip().startswith("["):
            break
        if line.strip() and not line.lstrip().startswith("#"):
            end = index
    if not "".join(lines[first - 2 : first - 1]).strip():
        # A blank line stands before, or nothing: the one behind goes too.
        while end < len(lines) and not lines[end].strip():
            end += 1
    return "".join(lines[: first - 1] + lines[end:])


def _item(value: Any) -> Any:
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        table.update(value)
        return table
    return tomlkit.item(value)


def _toml(value: Any) -> str:
    return str(_item(value).as_string())


def _lines(entries: Mapping[str, Any]) -> str:
    return "".join(f"{dotted(key)} = {_toml(each)}\n" for key, each in entries.items())


def _ended(text: str, lines: str) -> str:
    """Append a table to a file, a blank line before it."""
    separator = "\n" if text.endswith("\n") else "\n\n"
    return text + separator + lines if text else lines
