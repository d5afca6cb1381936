"""What the containers of one Compose service are told of their surroundings."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from portconf.compose import paths
from portconf.compose.tree import Node


# A volume in the long form, and a network of a mapping, have some lines each.
MOST_INNER = 30
# By aliases, each of many services has a long list, of long texts.
MOST = 500
MOST_FILES = 50
_LONGEST = 20_000
_DEFAULT = re.compile(r"\$\{\w+:?-([^${}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """
    What a container is started with.

    Attributes:
        started: The texts of its command, entrypoint and environment.
        passed: The variables that it, or its build, gets by their bare name.
        env_files: The env files that are in the project, by name with '/': what it is
            given, and then what it mounts.
        untold: Whether it may be told its port where nobody here looks: by a command,
            or by an env file.
        uses: The volumes and networks that it names.
    """

    started: str = ""
    passed: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    untold: bool = False
    uses: tuple[str, ...] = ()

    def over(self, below: "Surroundings") -> "Surroundings":
        """
        Return these merged over those of what the service extends or overrides.

        What a service says otherwise than the one below it counts twice: the callers
        ask what may reach a container, and none of them is misled by more.
        """
        return Surroundings(
            started=f"{self.started}\n{below.started}"[:_LONGEST],
            passed=_both(below.passed, self.passed),
            env_files=_both(below.env_files, self.env_files),
            untold=below.untold or self.untold,
            uses=_both(below.uses, self.uses),
        )


def _both(below: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*below, *own)))[:MOST] if below else own


def surroundings(fields: Mapping[str, Node], *, base: str) -> Surroundings:
    """
    Return what the fields of a service say of its containers.

    Args:
        fields: The values, by key.
        base: The folder that its paths are relative to.
    """
    build = fields.get("build")
    settings = [fields.get("environment"), build and build.fields().get("args")]
    listed = _entries(fields.get("env_file"))
    told = ("command", "entrypoint")
    return Surroundings(
        started=_joined(_texts(fields, *told, "environment")),
        passed=tuple(name for each in settings if each for name in _bare(each)),
        env_files=tuple(
            dict.fromkeys(
                [*_files(listed, base), *_files(_mounted(fields.get("volumes")), base)]
            )
        ),
        untold=bool(listed)
        or any(key in fields and not fields[key].empty for key in told),
        uses=tuple(
            each.split(":", 1)[0] for each in _texts(fields, "volumes", "networks")
        ),
    )


def _joined(texts: Iterator[str]) -> str:
    found, left = [], _LONGEST
    for each in texts:
        found.append(each[:left])
        left -= len(found[-1]) + 1
        if left <= 0:
            break
    return "\n".join(found)


def _texts(fields: Mapping[str, Node], *keys: str) -> Iterator[str]:
    """Yield the texts of scalars, lists and mappings, down to one level below."""
    for top in (fields[key] for key in keys if key in fields):
        for each in (top, *top.children[:MOST]):
            if each.kind == "scalar":
                yield each.value
            elif each is not top:
                yield from (inner.value for inner in each.children[:MOST_INNER])


def _bare(node: Node) -> Iterator[str]:
    """Yield the names without a value, of a list or of a mapping."""
    if node.kind == "list":
        for each in node.children[:MOST]:
            if each.kind == "scalar" and each.value and "=" not in each.value:
                yield each.value
    pairs = node.fields().items()
    for (name, value), _ in zip(pairs, range(MOST), strict=False):
        if value.empty:
            yield name


def _entries(node: Node | None) -> list[Node]:
    if node is None or node.empty:
        return []
    return node.children[:MOST_FILES] if node.kind == "list" else [node]


def _mounted(volumes: Node | None) -> Iterator[Node]:
    """Yield the env files that a container finds in its own folders."""
    for each in _entries(volumes):
        source = each.fields().get("source", each)
        path = source.value if source is not each else each.value.split(":", 1)[0]
        # What begins with a dot is a path to Compose, and no volume: `.env:/app/.env`.
        if path.startswith(".") and path.rpartition("/")[2].startswith(".env"):
            yield replace(source, value=path)


def _files(listed: Iterable[Node], base: str) -> Iterator[str]:
    for each in listed:
        # One that lies elsewhere is none of ours.
        with suppress(ValueError):
            path = each.fields().get("path", each)
            # Airflow's `${ENV_FILE_PATH:-.env}`: the containers get that one mostly,
            # and would be given this machine's ports were it overlooked.
            yield paths.inside(
                replace(path, value=_DEFAULT.sub(r"\1", path.value)), base
            )
