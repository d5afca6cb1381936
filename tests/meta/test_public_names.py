"""What is public is listed, can be imported, and loads nothing before it is asked for."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import portconf


PACKAGE = Path(portconf.__file__).parent
# Each costs as much as a bare start of Python, or more.
HEAVY = {
    *("argparse", "dataclasses", "filelock", "importlib.metadata", "invoke", "json"),
    *("logging", "nox", "pathlib", "platformdirs", "psutil", "pytest", "re", "rich"),
    *("shtab", "socket", "sqlite3", "subprocess", "tomlkit", "tomllib", "typing"),
}


def loaded(code: str, folder: Path) -> set[str]:
    """Return the modules that a bare interpreter has after ``code``."""
    done = subprocess.run(
        # Without `site`, which loads what the environment's .pth files ask for.
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(PACKAGE.parent), code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


PROGRAM = """
import sys
sys.path.append(sys.argv[1])
exec(sys.argv[2])
print(*sys.modules, file=sys.stderr)
"""


def test_the_public_names_are_sorted_listed_and_there():
    assert portconf.__all__ == sorted(portconf.__all__)
    assert dir(portconf) == portconf.__all__
    for name in portconf.__all__:
        assert getattr(portconf, name).__name__ == name


def test_the_names_for_type_checkers_are_the_names_at_run_time():
    tree = ast.parse((PACKAGE / "__init__.py").read_bytes())
    homes = {
        each.name: node.module.removeprefix("portconf.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith("portconf.")
        for each in node.names
    }

    assert homes == portconf._HOMES
    assert sorted(homes) == portconf.__all__


def test_the_direct_children_of_the_error_are_public():
    from portconf import PortconfError

    for path in PACKAGE.rglob("*.py"):  # wherever one may be made
        if path.name != "__main__.py":
            module_of(path)
    children = {each.__name__ for each in PortconfError.__subclasses__()}

    assert children <= set(portconf.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'portconf' has no attribute 'x'"):
        portconf.x  # type: ignore[attr-defined]  # noqa: B018 - it is the access that raises


def test_importing_the_package_loads_next_to_nothing(tmp_path):
    bare = loaded("pass", tmp_path)

    assert loaded("import portconf", tmp_path) - bare == {"portconf"}


@pytest.mark.parametrize("words", [["get", "redis"], ["export", "--format", "sh"]])
def test_a_hot_command_loads_little(sample, monkeypatch, words):
    monkeypatch.setattr("portconf.snapshot.SETTLED_NS", -(10**15))
    sample.project.init()
    sample.project.get("redis")  # keeps the answers
    command = f"from portconf.cli import main; assert main({words!r}) == 0"

    modules = loaded(command, sample.root)

    assert modules & HEAVY == set()
    ours = {each for each in modules if each.startswith("portconf.")}
    of_sh = {"portconf.formats", "portconf.formats.posix", "portconf.marks"}
    assert ours - of_sh == {
        "portconf.cli",
        "portconf.cli.hot",
        "portconf.snapshot",
    }


@pytest.mark.parametrize("front", ["tasks", "nox"])
def test_a_front_end_loads_the_rest_when_it_is_used(tmp_path, front):
    pytest.importorskip({"tasks": "invoke", "nox": "nox"}[front])
    code = (
        f"import sys, portconf.{front};"
        "print(*(m for m in sys.modules if m.startswith('portconf.')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(done.stdout.split()) <= {f"portconf.{front}", "portconf.cli"}


def module_of(path: Path) -> ModuleType:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return import_module(name.removesuffix(".__init__"))


def public(path: Path) -> list[object]:
    """Return a module with its public classes, functions and methods."""
    module = module_of(path)
    found: list[object] = [module]
    for each, value in vars(module).items():
        if each.startswith("_") or getattr(value, "__module__", "") != module.__name__:
            continue
        if inspect.isclass(value):
            found += [
                m
                for n, m in vars(value).items()
                if inspect.isfunction(m) and not n.startswith("_")
            ]
        if inspect.isclass(value) or inspect.isfunction(value):
            found.append(value)
    return found


def test_what_is_public_says_what_it_is():
    paths = [path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py"]

    silent = [
        each for path in paths for each in public(path) if not inspect.getdoc(each)
    ]

    assert silent == []
