"""Imports go down only, and what is pure has no effects."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import portconf


PACKAGE = Path(portconf.__file__).parent
# From the bottom up: a module imports only what stands before it.
VALUES = "marks errors kinds keys templates names model alerts settings"
RULES = (
    "environment plan ownership variables registry.values registry.protocol registry.others registry.lease registry.runs reports"
    " status sections views compose jsonc addressing adopt.values adopt.naming adopt.well_known adopt.hosts adopt.compose_ports adopt.envfile adopt.procfile adopt.devcontainer adopt.python_source adopt.grouping adopt.identifying adopt.sifting adopt.proposal formats findings lines explain rendering exports schema handover health watching.events watching.states watching.ringing watching.troubles watching.quarrels watching.waking"
)
EFFECTS = (
    "edits snapshot sockets checkout folder files originals locks declaration store ignores sightings"
    " registry.rows registry.upgrade registry.queue registry.sqlite registry.place registry.access presence survey probes watching.lanes watching.webhook watching.notices watching.folders"
)
USE_CASES = "fingerprints identity leases runs spare machine decisions updates inspection sites stacks asking waiting launch reading exporting answering isolating project listening adopt.gathering adopt.rewriting adopt.migrating watching.renewal watching.looks watching.loop"
FRONT_ENDS = "manager cli tasks nox pytest_plugin"
ORDER = f"{VALUES} {RULES} {EFFECTS} {USE_CASES} {FRONT_ENDS}".split()
PURE = [*VALUES.split(), *RULES.split()]
# In these folders rules and effects are neighbours, so each of their modules counts.
MIXED = {"adopt", "registry", "watching"}
# They hand out what the others hold.
FACES = ["__init__", "__main__", *(f"{each}.__init__" for each in sorted(MIXED))]
# The standard library without socket, file, clock, environment or process.
HARMLESS = {
    *(
        "collections",
        "contextlib",
        "dataclasses",
        "difflib",
        "enum",
        "functools",
        "hashlib",
    ),
    *("bisect", "importlib", "itertools", "json", "re", "shlex", "string", "typing"),
    *("ast", "warnings"),  # reads Python, and says nothing of its style
    "ruamel",  # reads texts
}


def part(path: Path) -> str:
    """
    Return the module, or the folder of modules, that a file belongs to.

    In those of `MIXED` it is the module.
    """
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts if parts[0] in MIXED else parts[:1])


def files() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        found.setdefault(part(path), []).append(path)
    return found


def imports(path: Path) -> Iterator[str]:
    """Yield each module that a file imports, also inside of functions."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module in ("portconf", *(f"portconf.{each}" for each in MIXED)):
                yield from (f"{module}.{each.name}" for each in node.names)
            else:
                yield module


def _part_of(module: str) -> str:
    parts = module.split(".")[1:]
    return ".".join(parts[: 2 if parts[0] in MIXED else 1])


def test_every_module_has_its_place():
    assert sorted(files()) == sorted([*ORDER, *FACES])


@pytest.mark.parametrize("name", ORDER)
def test_imports_go_down_only(name):
    below = {*ORDER[: ORDER.index(name)], name}

    inner = {
        _part_of(module)
        for path in files()[name]
        for module in imports(path)
        if module.startswith("portconf.")
    }

    assert inner - below == set()


@pytest.mark.parametrize("name", PURE)
def test_what_is_pure_has_no_effects(name):
    for path in files()[name]:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        roots = {module.split(".")[0] for module in imports(path)}

        assert roots - HARMLESS <= {"portconf"}
        assert names.isdisjoint({"open", "print", "input", "eval", "exec"})


def test_the_front_ends_know_nothing_of_each_other():
    fronts = {"tasks", "nox", "manager", "pytest_plugin"}

    for name in ("cli", *fronts):
        inner = {module for path in files()[name] for module in imports(path)}
        others = {f"portconf.{each}" for each in fronts - {name}}
        assert inner.isdisjoint(others)
