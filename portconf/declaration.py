"""The declaration in a `pyproject.toml`, read with every problem at once."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from portconf.errors import ConfigError
from portconf.keys import dotted, read_table
from portconf.kinds import Problem, did_you_mean, shown
from portconf.model import Service
from portconf.names import name_problem, variable_of, variable_problem
from portconf.settings import PYPROJECT, Pytest, Settings
from portconf.templates import Template


_T = TypeVar("_T")
_AT = ("tool", "portconf")
_HINT = "see the configuration reference, or run 'portconf schema'"


def candidates(folder: str | None = None) -> Iterator[str]:
    """
    Yield the folders with a `pyproject.toml` from ``folder`` up, nearest first.

    The search ends at the root of the checkout.

    Args:
        folder: Where to begin; None stands for the current directory.

    Raises:
        ConfigError: If there is no such folder.
    """
    here = current_folder() if folder is None else os.path.realpath(folder)
    if not os.path.isdir(here):
        raise ConfigError(f"{folder} is not a folder")
    while True:
        if os.path.lexists(os.path.join(here, PYPROJECT)):
            yield here
        parent = os.path.dirname(here)
        if parent == here or os.path.lexists(os.path.join(here, ".git")):
            return
        here = parent


def current_folder() -> str:
    """
    Return the current folder, which is a real path.

    Raises:
        ConfigError: If somebody has removed it.
    """
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise ConfigError("the current folder does not exist any more") from None


def load(root: str) -> Settings | None:
    """
    Read the declaration of the project in ``root``.

    Args:
        root: The folder that holds `pyproject.toml`.

    Returns:
        The settings, or None where the file lacks `[tool.portconf]`.

    Raises:
        ConfigError: If the file cannot be read, is not TOML, or declares wrongly.
            It carries every problem of the declaration.
    """
    return parse(read_text(root))


def read_text(root: str) -> str:
    """
    Return the text of the `pyproject.toml` in ``root``, line ends as they are.

    Raises:
        ConfigError: If it cannot be read or is not UTF-8.
    """
    path = os.path.join(root, PYPROJECT)
    if os.path.exists(path) and not os.path.isfile(path):
        # Opening a named pipe would hang.
        raise ConfigError(f"{PYPROJECT}: cannot be read: it is not a regular file")
    try:
        with open(path, "rb") as file:
            return file.read().decode()
    except OSError as error:
        raise ConfigError(f"{PYPROJECT}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{PYPROJECT}: is not UTF-8: byte {error.start} is"
            f" 0x{error.object[error.start]:02x}"
        ) from error


def parse(text: str) -> Settings | None:
    """
    Read a declaration from the text of a `pyproject.toml`.

    Returns:
        The settings, or None where the text lacks `[tool.portconf]`.

    Raises:
        ConfigError: If the text is not TOML, or declares wrongly.
    """
    try:
        # tomllib refuses a byte-order mark, which Windows editors write.
        document = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:  # ValueError: a number too long
        reason = str(error) or "it is nested too deeply"
        raise ConfigError(f"{PYPROJECT}: is not TOML: {reason}") from error
    tool = document.get("tool", {})
    raw = tool.get("portconf") if isinstance(tool, dict) else None
    if raw is None:
        return None
    problems: list[str] = []
    settings = from_dict(raw, problems)
    if problems:
        unknown = any("unknown key" in each for each in problems)
        raise ConfigError(
            *(f"{PYPROJECT}: {each}" for each in problems),
            hint=_HINT if unknown else None,
        )
    return settings


def from_dict(raw: Any, problems: list[str]) -> Settings:
    """
    Read a declaration from the decoded table.

    Args:
        raw: What stands under `tool.portconf`.
        problems: Gets a line for each problem; what is returned then lacks the
            wrong parts.
    """
    if not isinstance(raw, dict):
        problems.append(f"{dotted(*_AT)} must be a table, got {shown(raw)}")
        return Settings()
    also = ("services", "env", "pytest", "alerts")
    values = read_table(Settings, raw, _AT, problems, also=also)
    declared = raw.get("services", {})
    services = tuple(_services(declared, problems))
    names = [*map(str, declared)] if isinstance(declared, dict | list) else []
    templates = tuple(_templates(raw.get("env", {}), names, problems))
    values["tests"] = _inner(Pytest, raw.get("pytest", {}), "pytest", problems)
    if "alerts" in raw:  # few have it, and every command reads the declaration
        from portconf.alerts import Alerts  # noqa: PLC0415

        values["alerts"] = _inner(Alerts, raw["alerts"], "alerts", problems)
    settings = Settings(**values, services=services, templates=templates)
    problems.extend(_contradictions(settings))
    return settings


def _services(raw: Any, problems: list[str]) -> Iterator[Service]:
    at = (*_AT, "services")
    if isinstance(raw, list):
        # The list form; a name that stands there twice is told, not merged.
        seen: set[str] = set()
        for name in raw:
            if not isinstance(name, str):
                problems.append(
                    f"{dotted(*at)} must be a list of names, got {shown(name)} in it"
                )
            elif name in seen:
                problems.append(f"{dotted(*at)} names {shown(name)} twice")
            else:
                seen.add(name)
        raw = {name: {} for name in raw if isinstance(name, str)}
    if not isinstance(raw, dict):
        problems.append(
            f"{dotted(*at)} must be a table or a list of names, got {shown(raw)}"
        )
        return
    for name, table in raw.items():
        service = _service(name, table, (*at, name), problems)
        if service:
            yield service


def _service(
    name: str, table: Any, at: tuple[str, ...], problems: list[str]
) -> Service | None:
    before = len(problems)
    wrong = name_problem(name)
    if wrong:
        problems.append(f"{dotted(*at)}: {wrong}")
    if isinstance(table, str):
        table = {"purpose": table}
    if not isinstance(table, dict):
        problems.append(
            f"{dotted(*at)} must be a purpose or a table, got {shown(table)}"
        )
        return None
    values = read_table(Service, table, at, problems)
    if not wrong:
        clash = variable_problem(values.get("env") or variable_of(name))
        if clash and "env" in values:
            problems.append(f"{dotted(*at, 'env')}: {clash}")
        elif clash:
            problems.append(f"{dotted(*at)}: {clash}; set another with the key 'env'")
    return Service(name=name, **values) if len(problems) == before else None


def _templates(raw: Any, names: list[str], problems: list[str]) -> Iterator[Template]:
    at = (*_AT, "env")
    if not isinstance(raw, dict):
        problems.append(f"{dotted(*at)} must be a table, got {shown(raw)}")
        return
    for variable, text in raw.items():
        clash = variable_problem(variable)
        if clash:
            problems.append(f"{dotted(*at, variable)}: {clash}")
            continue
        try:
            template = Template.parse(variable, text)
        except Problem as problem:
            problems.append(f"{dotted(*at, variable)} {problem}")
            continue
        for name in template.services:
            if name not in names:
                near = did_you_mean(name, names)
                problems.append(
                    f"{dotted(*at, variable)} names {shown(name)}, which is no"
                    f" declared service{near}"
                )
        yield template


def _inner(table: type[_T], raw: Any, name: str, problems: list[str]) -> _T:
    at = (*_AT, name)
    if not isinstance(raw, dict):
        problems.append(f"{dotted(*at)} must be a table, got {shown(raw)}")
        return table()
    return table(**read_table(table, raw, at, problems))


def _contradictions(settings: Settings) -> Iterator[str]:
    """Find what each key alone cannot show."""
    if settings.base_port > settings.last_port:
        yield (
            f"{dotted(*_AT, 'base-port')} must be at most last-port"
            f" {settings.last_port}, got {settings.base_port}"
        )
    if settings.block_size > len(settings.instance_range):
        yield (
            f"{dotted(*_AT, 'block-size')} must fit into instance-range"
            f" {settings.instance_range}, got {settings.block_size}"
        )
    yield from _shared(
        ((each.variable, ("services", each.name)) for each in settings.services),
        "variable {} is of both {} and {}",
        ((each.variable, ("env", each.variable)) for each in settings.templates),
    )
    yield from _shared(
        ((each.port, ("services", each.name)) for each in settings.services),
        "port {} is fixed for both {} and {}",
    )
    files = {
        "assignments": settings.assignments,
        "dotenv": settings.dotenv,
        "compose-env": settings.compose_env,
        "shell-exports": settings.shell_exports,
    }
    # "a//b" and "a/./b" cannot be written; two spellings of one file cannot differ
    # but in case, which two systems of three ignore.
    yield from _shared(
        ((path and path.lower(), (name,)) for name, path in files.items()),
        "file {} is both {} and {}",
    )
    for name, path in files.items():
        for other, below in files.items():
            if path and below and below.lower().startswith(f"{path.lower()}/"):
                yield (
                    f"{dotted(*_AT, other)} {below!r} lies in {path!r}, which is the"
                    f" file of {dotted(*_AT, name)}"
                )
    for name, path in files.items():
        if path and re.fullmatch(r"pyproject\.toml|\.gitignore", path.lower()):
            yield f"{dotted(*_AT, name)} must not be {path!r}, which is the user's"


def _shared(
    pairs: Iterator[tuple[Any, tuple[str, ...]]],
    message: str,
    more: Iterable[tuple[Any, tuple[str, ...]]] = (),
) -> Iterator[str]:
    """Word each value that stands for two keys; None stands for nothing."""
    first: dict[Any, tuple[str, ...]] = {}
    for value, name in [*pairs, *more]:
        if value is not None and value in first:
            yield message.format(
                repr(value), dotted(*_AT, *first[value]), dotted(*_AT, *name)
            )
        first.setdefault(value, name)
