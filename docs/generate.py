"""
The parts of README and docs that the code knows better.

    python docs/generate.py          compare; 1 and a diff where they differ
    python docs/generate.py write    write them

A generated part of a page stands between `<!-- generated: NAME -->` and
`<!-- end generated -->`.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import picture

from portconf import errors, formats, plan as planning
from portconf.alerts import Alerts
from portconf.cli import VERBS, dispatch
from portconf.keys import Key, keys_of
from portconf.model import Service
from portconf.settings import Pytest, Settings


ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "status.svg"
_WIDTH = 80
_PART = re.compile(
    r"(?<=<!-- generated: )(?P<name>[\w-]+)(?P<gap> -->\n)(?P<body>.*?)"
    r"(?=<!-- end generated -->)",
    re.DOTALL,
)


def main(words: list[str]) -> int:
    """Compare or write, and return the exit code."""
    if words not in ([], ["write"]):
        sys.stderr.write(__doc__ or "")
        return 2
    stale = {path: text for path, text in wanted().items() if read(path) != text}
    if words == ["write"]:
        for path, text in stale.items():
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
        return 0
    for path, text in stale.items():
        name = str(path.relative_to(ROOT))
        before, after = (each.splitlines(keepends=True) for each in (read(path), text))
        sys.stdout.writelines(difflib.unified_diff(before, after, name, "the code"))
    if stale:
        sys.stderr.write("\nrepair with: nox -s generated -- write\n")
    return 1 if stale else 0


def wanted() -> dict[Path, str]:
    """Return what each file with generated parts must hold."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*/*.md"))]
    texts = {path: read(path) for path in pages}
    used = {found["name"] for text in texts.values() for found in _PART.finditer(text)}
    if used != set(PARTS):
        raise SystemExit(
            f"generated parts without a page, or unknown: {used ^ {*PARTS}}"
        )
    return {
        **{
            path: _PART.sub(_part, text)
            for path, text in texts.items()
            if "<!-- generated: " in text
        },
        PICTURE: picture.status(ROOT),
    }


def read(path: Path) -> str:
    """Return a file's text, empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _part(found: re.Match[str]) -> str:
    lines = "\n".join(PARTS[found["name"]]())
    return f"{found['name']}{found['gap']}\n{lines}\n\n"


def _table(*rows: tuple[str, ...]) -> Iterator[str]:
    """Yield a Markdown table; the first row is its head."""
    head, *body = rows
    for row in (head, ("---",) * len(head), *body):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _keys(table: type[Any]) -> Iterator[str]:
    rows = [
        (f"`{key.name}`", key.kind.words(), _default(key), key.about)
        for key in keys_of(table).values()
    ]
    yield from _table(("key", "value", "default", "what it does"), *rows)


def _default(key: Key) -> str:
    match key.default:
        case None:
            return "absent"
        case bool() | int():
            return f"`{str(key.default).lower()}`"
        case other:
            return f'`"{other}"`' if str(other) else '`""`'


def _verbs() -> Iterator[str]:
    rows = [(f"`{name}`", about) for name, about in VERBS.items()]
    yield from _table(("verb", "what it does"), *rows)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    # argparse has no public way to what was declared; shtab takes this one too.
    return parser._actions  # noqa: SLF001


def _verb_parsers() -> dict[str, argparse.ArgumentParser]:
    verbs = next(
        each.choices
        for each in _actions(dispatch.parser())
        if isinstance(each, argparse._SubParsersAction)  # noqa: SLF001 - see _actions
    )
    return cast("dict[str, argparse.ArgumentParser]", verbs)


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return what is not on every verb; options first, as argparse takes them."""
    common = {tuple(each.option_strings) for each in _actions(dispatch.parser(()))} - {
        ()
    }
    own = [
        each for each in _actions(parser) if tuple(each.option_strings) not in common
    ]
    return sorted(own, key=lambda each: not each.option_strings)


def _common_options() -> Iterator[str]:
    # A verb without arguments of its own has these alone.
    yield from _options(_actions(_verb_parsers()["status"]))


def _command_line() -> Iterator[str]:
    gap = ""
    for name, parser in _verb_parsers().items():
        own = _own(parser)
        usage = [f"[{_spelled(each)}]" for each in own if each.option_strings]
        usage += [_spelled(each) for each in own if not each.option_strings]
        yield f"{gap}### {name}\n\n{VERBS[name][:1].upper()}{VERBS[name][1:]}.\n"
        yield "```text"
        yield from _wrapped(f"portconf {name}", usage)
        yield "```"
        if own:
            yield ""
            yield from _options(own)
        gap = "\n"


def _wrapped(line: str, words: list[str]) -> Iterator[str]:
    indent = " " * len(line)
    for word in words:
        if len(line) + len(word) > _WIDTH:
            yield line
            line = indent
        line += f" {word}"
    yield line


def _options(actions: list[argparse.Action]) -> Iterator[str]:
    rows = [(f"`{_spelled(each)}`", each.help or "") for each in actions]
    yield from _table(("argument", "what it does"), *rows)


def _spelled(action: argparse.Action) -> str:
    """Return an argument as one types it."""
    value = action.metavar or (
        f"{{{','.join(map(str, action.choices))}}}" if action.choices else ""
    )
    value = {"+": f"{value} ...", "*": f"[{value} ...]"}.get(str(action.nargs), value)
    flags = ", ".join(action.option_strings)
    takes = action.nargs != 0 and value
    return " ".join(filter(None, [flags, str(value) if takes else ""]))


def _formats() -> Iterator[str]:
    rows = []
    for name in formats.NAMES:
        module = formats.load(name)
        about = next(line for line in (module.__doc__ or "").splitlines() if line)
        rows.append((f"`{name}`", about))
    yield from _table(("format", "what it is"), *rows)


def _exit_codes() -> Iterator[str]:
    by_code: dict[int, list[type[errors.PortconfError]]] = {}
    for each in errors.PortconfError.__subclasses__():
        by_code.setdefault(each.exit_code, []).append(each)
    rows = [("0", "done"), ("1", "`check` found something")]
    rows += [
        (str(code), "; ".join(_first_line(each).rstrip(".") for each in classes))
        for code, classes in by_code.items()
    ]
    rows += [("130", "interrupted"), ("141", "the reader of the output has left")]
    yield from _table(("exit code", "meaning"), *rows)


def _errors() -> Iterator[str]:
    def lines(each: type[errors.PortconfError], depth: int) -> Iterator[str]:
        yield (
            f"{'  ' * depth}- `{each.__name__}`, exit code {each.exit_code},"
            f" `{each.code}`: {_first_line(each)}"
        )
        for child in each.__subclasses__():
            yield from lines(child, depth + 1)

    yield from lines(errors.PortconfError, 0)


def _first_line(each: type[Any]) -> str:
    return next(line.strip() for line in (each.__doc__ or "").splitlines() if line)


def _blocked() -> Iterator[str]:
    yield ", ".join(map(str, sorted(planning.BROWSER_BLOCKED))) + "."


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "blocked-ports": _blocked,
    "command-line": _command_line,
    "common-options": _common_options,
    "errors": _errors,
    "exit-codes": _exit_codes,
    "formats": _formats,
    "service-keys": lambda: _keys(Service),
    "settings-keys": lambda: _keys(Settings),
    "pytest-keys": lambda: _keys(Pytest),
    "alerts-keys": lambda: _keys(Alerts),
    "verbs": _verbs,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
