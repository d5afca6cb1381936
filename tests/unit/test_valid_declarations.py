"""Each declaration in `projects/valid` gives the variables beside it."""

from pathlib import Path

import pytest

from portconf.declaration import load
from portconf.environment import STAMP
from portconf.formats import dotenv
from portconf.plan import begin, extend
from portconf.variables import compute


CASES = sorted((Path(__file__).parents[1] / "projects" / "valid").iterdir())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_declaration_gives_exactly_its_variables_in_order(case):
    settings = load(str(case))
    assert settings is not None

    plan, _ = extend(
        begin(settings.base_port), settings.services, last_port=settings.last_port
    )
    found = compute(plan, settings, root="/home/you/shop")

    del found[STAMP]
    expected = (case / "expected.env").read_text(encoding="utf-8")
    assert dotenv.lines(found) == expected
