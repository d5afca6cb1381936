import json

import pytest

from portconf.model import Assignment, Change, Plan, Service
from portconf.reports import Explanation, FileChange, Outcome, Place, Row, Status
from portconf.settings import Settings


ROOT = "/home/you/shop"


def test_an_outcome_names_the_files_and_keeps_their_content_to_itself():
    outcome = Outcome(
        root=ROOT,
        changes=(
            Change(name="web", port=4000),
            Change(name="db", port=5432, before=4001, reason="it is fixed"),
        ),
        gone=(("mq", 4002),),
        files=(FileChange(name=".env", before=None, after=b"SECRET=1\n"),),
        notes=("git tracks .env",),
        dry_run=True,
    )

    assert outcome.to_dict() == {
        "root": ROOT,
        "assigned": [
            {"service": "web", "port": 4000, "before": None, "reason": None},
            {"service": "db", "port": 5432, "before": 4001, "reason": "it is fixed"},
        ],
        "released": [{"service": "mq", "port": 4002}],
        "written": [".env"],
        "notes": ["git tracks .env"],
        "dry_run": True,
    }


def test_a_status_has_the_assigned_by_port_then_the_others_as_declared():
    settings = Settings(
        services=(
            Service(name="new", purpose="New"),
            Service(name="web", env="HTTP"),
            Service(name="also-new"),
        )
    )
    services = {
        "web": Assignment(port=4001, purpose="Main"),
        "old": Assignment(port=4000),
    }
    plan = Plan(base_port=4000, next_port=4002, services=services)

    status = Status.of(plan, settings, root=ROOT)

    assert status.to_dict() == {
        "root": ROOT,
        "base_port": 4000,
        "next_port": 4002,
        "services": [
            row("old", 4000, "OLD_PORT", declared=False),
            row("web", 4001, "HTTP", purpose="Main"),
            row("new", None, "NEW_PORT", purpose="New"),
            row("also-new", None, "ALSO_NEW_PORT"),
        ],
    }
    assert isinstance(status.rows[0], Row)


def row(
    name: str,
    port: int | None,
    variable: str,
    *,
    purpose: str = "",
    declared: bool = True,
) -> dict[str, object]:
    return {
        "service": name,
        "port": port,
        "assigned": port,
        "variable": variable,
        "purpose": purpose,
        "declared": declared,
    }


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place(file="a.toml", line=3), "a.toml:3"),
        (Place(file="a.toml", line=None), "a.toml"),
        (Place(file="a.toml", line=3, text="x = 1"), "a.toml:3: x = 1"),
        (Place(file="a.toml", line=None, text="x = 1"), "a.toml: x = 1"),
    ],
)
def test_a_place_is_written_as_editors_expect_it(place, text):
    assert str(place) == text


@pytest.mark.parametrize("declared", [None, Place(file="a.toml", line=2, text="x")])
def test_an_explanation_has_a_json_form(declared):
    explanation = Explanation(
        service="web",
        port=4000,
        variable="WEB_PORT",
        declared=declared,
        rule="fixed",
        stepped_over=((4045, "browsers refuse it"),),
        stored=Place(file="p.json", line=None),
        exported=(Place(file=".env", line=1, text="WEB_PORT=4000"),),
        overridden="WEB_PORT=1",
    )

    assert json.loads(json.dumps(explanation.to_dict())) == {
        "service": "web",
        "port": 4000,
        "variable": "WEB_PORT",
        "declared": declared and {"file": "a.toml", "line": 2, "text": "x"},
        "rule": "fixed",
        "stepped_over": [{"port": 4045, "reason": "browsers refuse it"}],
        "stored": {"file": "p.json", "line": None, "text": None},
        "exported": [{"file": ".env", "line": 1, "text": "WEB_PORT=4000"}],
        "overridden": "WEB_PORT=1",
    }
