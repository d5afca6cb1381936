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
    value = dict(keys)
    short = value.get("purpose", "") if set(value) <= {"purpose"} else value
    there = _services(tomllib.loads(text.removeprefix(_BOM)))
    if value and isinstance(there, list):
        raise ConfigError(
            f"{PYPROJECT}: tool.portconf.services is a list, which has no place for"
            f" {', '.join(sorted(value))} of {name!r}",
            hint="turn it into a table: [tool.portconf.services]",
        )

    def short_form(document: dict[str, Any]) -> None:
        portconf = document.setdefault("tool", {}).setdefault("portconf", {})
        services = portconf.setdefault("services", {})
        if isinstance(services, list):
            services.append(name)
        else:
            services[name] = short

    def long_form(document: dict[str, Any]) -> None:
        short_form(document)
        _services(document)[name] = value

    first = f"[tool.portconf.services]\n{dotted(name)} = {_toml(short)}\n"
    table = f"[{dotted('tool', 'portconf', 'services', name)}]\n" + "".join(
        f"{key} = {_toml(each)}\n" for key, each in value.items()
    )
    return _first_right(
        text,
        (lambda t: _append(t, name, short), short_form),
        (lambda t: _ended(t, table), long_form)
        if there
        else (lambda t: _ended(t, first), short_form),
        what=f"declare {name!r} there",
    )


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


def _append(text: str, name: str, value: Any) -> str:
    """Add the service to the table or list that is there."""
    document = tomlkit.parse(text)
    portconf: Any = document["tool"]["portconf"]
    services = portconf.get("services")
    if services is None and not isinstance(portconf, Table):
        portconf["services"] = _item({name: value})
    elif services is None:
        services = tomlkit.table()
        services.add(name, _item(value))
        for _ in _before_trailing(portconf):
            portconf.add(tomlkit.nl())
            portconf.add("services", services)
    elif isinstance(services, list):
        services.append(name)
    elif isinstance(services, Table):
        for _ in _before_trailing(services):
            services.add(name, _item(value))
    else:
        services[name] = _item(value)
    return tomlkit.dumps(document)


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


def _ended(text: str, lines: str) -> str:
    """Append a table to a file, a blank line before it."""
    separator = "\n" if text.endswith("\n") else "\n\n"
    return text + separator + lines if text else lines
