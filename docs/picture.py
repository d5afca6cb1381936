"""The picture of `status`: its real table, drawn by rich as an SVG."""

import io
import re
from pathlib import Path
from typing import cast

from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

from portconf import declaration, plan as planning
from portconf.cli import tables
from portconf.cli.status import HEAD, cells
from portconf.settings import Settings
from portconf.status import Status


SHOWN_ROOT = "/home/you/shop"
# rich's own has fonts from the network; a picture in a README must load alone.
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
     aria-label="The table that portconf status shows">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: 21px; /* so that the frame's lines meet in rows of 24.4 */
}}
.{unique_id}-title {{ font-family: sans-serif; font-size: 16px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_THEME = TerminalTheme(
    (30, 34, 42),
    (216, 220, 228),
    [
        *((59, 66, 82), (224, 108, 117), (152, 195, 121), (229, 192, 123)),
        *((97, 175, 239), (198, 120, 221), (86, 206, 224), (216, 220, 228)),
    ],
)


def status(root: Path) -> str:
    """Return it for the declaration in ``root``."""
    settings = declaration.load(str(root)) or Settings()
    plan, _ = planning.extend(
        planning.begin(settings.base_port),
        settings.services,
        last_port=settings.last_port,
    )
    ports = {name: each.port for name, each in plan.services.items()}
    shown = Status.of(plan, settings, root=SHOWN_ROOT, ports=ports, seen={})
    console = Console(
        record=True,
        file=io.StringIO(),
        width=84,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    footer = f"next port: {shown.next_port}"
    drawn = tables.rich_table(shown.root, HEAD, cells(shown), footer=footer)
    console.print(cast("RenderableType", drawn))
    svg = console.export_svg(
        title="portconf status", theme=_THEME, code_format=_SVG, unique_id="status"
    )
    # Clipped to its row, each piece of the frame would stop short of the next one.
    svg = re.sub(r' clip-path="url\(#status-line-\d+\)"', "", svg)
    svg = re.sub(r"<text [^>]*>\n</text>", "", svg)  # the ends of the lines
    # A line for each piece, so that a change is a readable diff.
    svg = svg.replace("><text", ">\n<text").replace("><circle", ">\n<circle")
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)
