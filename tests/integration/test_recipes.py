"""The recipes of docs/how-to: each page is run by the root conftest, and none slips through."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import capability
import pytest


DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted(DOCS.glob("how-to/recipe*.md"))
}
# What starts a server in a recipe, and what the page must then say that it needs.
STARTS = {"postgresql_proc(": "postgres", '"redis-server"': "redis-server"}


@pytest.mark.parametrize("page", PAGES)
def test_a_recipe_shows_a_conftest_and_a_run_that_passes(page):
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)

    made = [text.split("\n")[0] for language, text in blocks if language == "python"]
    runs = [text for language, text in blocks if "pytest -q" in text]

    assert "# conftest.py" in made
    assert any(name.startswith("# test_") for name in made)
    assert [
        re.search(r"^\d passed in", text, re.MULTILINE) is None for text in runs
    ] == [False]


@pytest.mark.parametrize("page", PAGES)
def test_a_recipe_says_which_servers_it_needs(page):
    needed = re.findall(r"^% needs: (.+)$", PAGES[page], re.MULTILINE)

    assert needed == [name for word, name in STARTS.items() if word in PAGES[page]]


def test_the_first_recipe_is_a_conftest_of_ten_lines_and_names_the_others():
    page = PAGES["recipes"]
    (fixture,) = re.findall(
        r"^@pytest\.fixture.*?(?=^```$)", page, re.MULTILINE | re.DOTALL
    )
    linked = re.findall(r"\((recipe-\w+)\.md\)", page)

    assert len(fixture.splitlines()) <= 10
    assert {*linked} == PAGES.keys() - {"recipes"}


def test_a_recipe_without_its_server_is_skipped_and_says_so(tmp_path):
    for name in ("git", "bash", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:xdist",
            "-q",
            DOCS / "how-to/recipe-redis.md",
        ],
        cwd=DOCS.parent,
        env={
            **capability.unmeasured(),
            "PATH": str(tmp_path),
            "PYTEST_DEBUG_TEMPROOT": str(tmp_path),
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "needs the program redis-server" in done.stdout
    assert "1 skipped" in done.stdout
