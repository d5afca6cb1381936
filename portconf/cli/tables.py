"""Tables and diffs for people."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from portconf.cli import plain
from portconf.reports import FileChange


def colourful(stream: TextIO | None) -> bool:
    """Tell whether ``stream`` is to be coloured: NO_COLOR, FORCE_COLOR, a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal(stream) and os.environ.get("TERM") != "dumb"


def terminal(stream: TextIO | None) -> bool:
    """Tell whether a person reads ``stream``; one that is closed is None."""
    return stream is not None and stream.isatty()


def table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, footer: str
) -> str:
    """
    Return a table: drawn on a terminal, else aligned columns without a frame.

    Args:
        title: A line above it.
        head: The names of the columns.
        rows: The cells, as many as columns.
        footer: A line below it.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    if terminal(sys.stdout) or os.environ.get("FORCE_COLOR"):
        return drawn(title, head, cells, footer=footer)
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in [head, *cells]
    ]
    return "\n".join(lines) + "\n"


def drawn(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, footer: str
) -> str:
    """Return the table as a terminal shows it, coloured where that is wanted."""
    from rich.console import Console

    console = Console(no_color=not colourful(sys.stdout), highlight=False)
    with console.capture() as captured:
        console.print(rich_table(title, head, rows, footer=footer))
    return captured.get()


def rich_table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, footer: str
) -> object:
    """Return the table as rich draws it."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    drawing = Table(box=box.ROUNDED)
    styles = ["bold", "bold cyan", "green"]
    for index, name in enumerate(head):
        drawing.add_column(
            name,
            style=styles[index] if index < len(styles) else None,
            justify="right" if name == "port" else "left",
            no_wrap=index < len(styles),
        )
    for row in rows:
        drawing.add_row(*(Text(cell) for cell in row))
    # Not the table's own title, which would be wrapped to the table's width.
    above = Text(plain(title), style="italic", overflow="fold")
    return Group(above, drawing, Text(footer, style="dim"))


def diff(changes: Iterable[FileChange]) -> str:
    """Return what a dry run would write, as a unified diff."""
    import difflib

    lines: list[str] = []
    for change in changes:
        before = (change.before or b"").decode(errors="replace")
        after = change.after.decode(errors="replace")
        old = "/dev/null" if change.before is None else f"a/{change.name}"
        hunks = difflib.unified_diff(
            before.splitlines(),
            after.splitlines(),
            old,
            f"b/{change.name}",
            n=0 if change.private else 3,
            lineterm="",
        )
        lines += [plain(line.replace("\t", "    ")) for line in hunks]
    return "".join(_coloured(line) + "\n" for line in lines)


def _coloured(line: str) -> str:
    codes = {"+": "32", "-": "31", "@": "36"}
    if not line or line[0] not in codes or not colourful(sys.stdout):
        return line
    return f"\x1b[{codes[line[0]]}m{line}\x1b[0m"
