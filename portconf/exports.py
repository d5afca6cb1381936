"""What each generated file is to hold, given what it holds now."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from portconf import rendering, sections
from portconf.errors import FileConflictError
from portconf.formats import posix
from portconf.kinds import Problem
from portconf.marks import MARK
from portconf.names import VARIABLE_PATTERN
from portconf.settings import Settings


HEADER = f"# {MARK} Do not edit: 'portconf init' writes it anew.\n"
# The line `posix.LEFT`, as this version and earlier ones have it.
_LEFT = r"(?m)^.*\|\| unset COMPOSE_PROJECT_NAME(?:; unset PORTCONF_RUN;?)?\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    One file to generate.

    Attributes:
        key: The key of the declaration that names it.
        name: Relative to the project.
    """

    key: Literal["dotenv", "compose-env", "shell-exports"]
    name: str


def targets(settings: Settings) -> tuple[Target, ...]:
    """Return the files that the declaration wants written."""
    named: dict[Literal["dotenv", "compose-env", "shell-exports"], str | None] = {
        "dotenv": settings.dotenv,
        "compose-env": settings.compose_env,
        "shell-exports": settings.shell_exports,
    }
    return tuple(Target(key=key, name=name) for key, name in named.items() if name)


def content(
    target: Target,
    old: bytes | None,
    variables: Mapping[str, str],
    *,
    force: bool = False,
) -> bytes:
    """
    Return what the file is to hold.

    Args:
        target: The file.
        old: What it holds, or None where there is no file.
        variables: In the order in which they are written.
        force: Replace a file of ours by name that lacks our header.

    Raises:
        ConfigError: If a value cannot be carried.
        FileConflictError: If something of the user's would be lost or contradicted.
    """
    if target.key == "dotenv":
        return _section(target.name, old or b"", variables)
    ours = old is not None and old.startswith(f"# {MARK}".encode())
    if old is not None and not ours and not force:
        raise FileConflictError(
            f"{target.name} was not written by portconf: it lacks our first line",
            path=target.name,
            hint="move it away, name another file in tool.portconf, or use --force",
        )
    if target.key == "compose-env":
        return (HEADER + rendering.dotenv_text(variables, where=target.name)).encode()
    with rendering.carried(variables, target.name):
        script = HEADER + posix.lines(variables)
    script += _unsets(old if old and ours else b"", variables)
    return script.encode("utf-8", "surrogateescape")


def _section(name: str, old: bytes, variables: Mapping[str, str]) -> bytes:
    body = rendering.dotenv_text(variables, where=name).encode()
    try:
        return sections.merge(old, body, variables)
    except Problem as problem:
        raise FileConflictError(
            f"{name} {problem}",
            path=name,
            hint="mend that line; portconf keeps its variables between its own two",
        ) from problem


def _unsets(old: bytes, variables: Mapping[str, str]) -> str:
    """
    Return the lines that take gone variables out of a shell.

    A shell may have sourced any earlier version of the file, so that a name once
    listed stays listed.
    """
    try:
        text = old.decode("utf-8", "surrogateescape")
        text = re.sub(_LEFT, "", text, count=1)
        words = shlex.split(text, comments=True)
    except ValueError:  # somebody broke the quoting: nothing is known of it then
        words = []
    # A line is two words; a line inside a quoted value is none.
    known = {
        word.partition("=")[0]
        for verb, word in zip(words[::2], words[1::2], strict=False)
        if verb in ("export", "unset")
    }
    gone = sorted(known - set(variables))
    return "".join(
        f"unset {each}\n" for each in gone if re.fullmatch(VARIABLE_PATTERN, each)
    )
