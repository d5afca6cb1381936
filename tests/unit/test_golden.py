"""
Every generated file and format, for the reference declaration, byte for byte.

`python tests/unit/test_golden.py` writes them anew, for `git diff` to show.
"""

from pathlib import Path

import pytest

from portconf import (
    declaration,
    exports,
    formats,
    plan as planning,
    rendering,
    store,
    variables,
)
from portconf.views import Site, View


GOLDEN = Path(__file__).parents[1] / "golden"
REPOSITORY = Path(__file__).parents[2]


def generated() -> dict[str, bytes]:
    """Return what is written for this repository's own declaration, by golden file."""
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    settings = declaration.parse(text)
    assert settings
    plan, _ = planning.extend(planning.begin(4000), settings.services, last_port=32767)
    found = variables.compute(plan, settings, root="/home/you/shop")
    files = {
        target.name.lstrip("."): exports.content(target, None, found)
        for target in exports.targets(settings)
    }
    site = Site(
        project="shop",
        root="/home/you/shop",
        branch="main",
        endpoints=variables.endpoints(plan, settings),
    )
    view = View(settings=settings, variables=found, site=site)
    printed = {
        f"export.{name}" + (f".{file.replace('/', '.')}" if len(texts) > 1 else ""): (
            text.encode()
        )
        for name in formats.NAMES
        for texts in [rendering.rendered(name, view)]
        for file, text in texts.items()
    }
    return {"port_assignments.json": store.render(plan), **files, **printed}


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_the_reference_declaration_gives_these_bytes(name):
    assert generated()[name].decode() == (GOLDEN / name).read_bytes().decode()


def test_everything_generated_is_held_against_a_golden_file():
    assert generated().keys() == {path.name for path in GOLDEN.iterdir()}


if __name__ == "__main__":
    for name, data in generated().items():
        (GOLDEN / name).write_bytes(data)
