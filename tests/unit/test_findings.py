import pytest

from portconf import findings
from portconf.model import Assignment, Plan, Service
from portconf.reports import FileChange
from portconf.settings import Settings


def plan_of(**ports: int) -> Plan:
    services = {name: Assignment(port=port) for name, port in ports.items()}
    return Plan(base_port=4000, next_port=4002, services=services)


WEB = Settings(services=(Service(name="web"),))


@pytest.mark.parametrize(
    ("settings", "plan", "expected"),
    [
        (WEB, plan_of(web=4000), ()),
        (Settings(), plan_of(), ()),
        (Settings(base_port=5000), plan_of(), ()),
        (WEB, plan_of(), ("'web' is declared but has no port",)),
        (
            WEB,
            plan_of(web=4000, db=4001),
            ("'db' has port 4001 but is not declared",),
        ),
        (
            Settings(services=(Service(name="web", port=80),)),
            plan_of(web=4000),
            ("'web' is declared with port 80 but has 4000",),
        ),
        (
            Settings(services=(Service(name="web", port=4000),)),
            plan_of(web=4000),
            (),
        ),
        (
            Settings(base_port=5000, services=WEB.services),
            plan_of(web=4000),
            (
                (
                    "the plan began at 4000 but tool.portconf.base-port is 5000,"
                    " which takes effect with 'portconf reset'"
                ),
            ),
        ),
        (
            Settings(services=(Service(name="db"), Service(name="mq", port=9))),
            plan_of(web=4000, db=4000),
            (
                (
                    "config/port_assignments.json: port 4000 is assigned to both"
                    " 'db' and 'web'"
                ),
                "'mq' is declared but has no port",
                "'web' has port 4000 but is not declared",
            ),
        ),
    ],
)
def test_every_disagreement_of_declaration_and_plan_is_told(settings, plan, expected):
    assert findings.of_plan(settings, plan) == expected


def test_a_file_disagrees_if_it_exists_and_would_be_written():
    changes = [
        FileChange(name=".env", before=b"old", after=b"new"),
        FileChange(name="port_exports.sh", before=None, after=b"new"),
    ]

    assert findings.of_files(changes) == (
        ".env is not what 'portconf init' would write",
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ((), ()),
        (
            (".env",),
            (".env: written, but this checkout has no lease of ports",),
        ),
        (
            (".env", "port_exports.sh"),
            (
                ".env, port_exports.sh: written, but this checkout has no lease of ports",
            ),
        ),
    ],
)
def test_files_that_no_lease_stands_behind_are_told_in_one_sentence(written, expected):
    assert findings.of_lease(written) == expected


ROOT = "/home/you/shop"
ANOTHER = (
    "this shell has the exports of another checkout, /home/you/other: source this"
    " checkout's exports again, or use another shell"
)
OLDER = (
    "this shell has older exports of this checkout: source this checkout's exports"
    " again, or use another shell"
)


@pytest.mark.parametrize(
    ("theirs", "stamped", "stamp", "expected"),
    [
        (None, None, "abc", None),
        ("", "abc", "abc", None),
        # What `portconf run` or a hand has set, without an export of ours.
        ("/home/you/other", None, "abc", None),
        (None, "abc", "abc", None),
        (ROOT, "abc", "abc", None),
        (ROOT, "old", "abc", OLDER),
        (ROOT, "", "abc", OLDER),
        (ROOT, "abc", None, OLDER),
        ("/home/you/other", "abc", "abc", ANOTHER),
        ("/home/you/other", "old", None, ANOTHER),
    ],
)
def test_a_shell_with_exports_of_another_time_or_checkout_is_told(
    theirs, stamped, stamp, expected
):
    given = {"PORTCONF_ROOT": theirs, "PORTCONF_STAMP": stamped, "HOME": "/home/you"}
    environment = {name: text for name, text in given.items() if text is not None}

    assert findings.of_shell(environment, root=ROOT, stamp=stamp) == expected
