import pytest

from portconf.explain import explain
from portconf.model import Plan, PortRange, Protocol, Service
from portconf.ownership import Listener, Sighting, Verdict
from portconf.plan import begin, extend, release
from portconf.registry.values import Holder, Lease
from portconf.reports import Explanation, Place
from portconf.settings import PYPROJECT, Settings
from portconf.store import render


SETTINGS = Settings(services=(Service(name="web"), Service(name="db", port=4010)))
DECLARED = "[tool.portconf.services]\nweb = ''\ndb = { port = 4010 }\n"


def planned(*services: Service, base: int = 4000) -> Plan:
    plan, _ = extend(begin(base), services, last_port=32767)
    return plan


def why(name: str, plan: Plan, settings: Settings = SETTINGS, **more) -> Explanation:
    texts = {
        PYPROJECT: DECLARED,
        settings.assignments: render(plan).decode(),
        **more.get("texts", {}),
    }
    service = settings.service(name) or Service(name=name)
    return explain(
        name,
        settings,
        plan,
        texts,
        more.get("environment", {}),
        variable=service.variable,
        port=more.get("port", plan.services[name].port),
        lease=more.get("lease"),
        listens=more.get("listens"),
    )


def test_a_number_is_traced_from_its_declaration_to_its_exports():
    plan = planned(*SETTINGS.services)
    texts = {
        ".env": "SECRET=1\n# >>> portconf >>>\nWEB_PORT=4000\n",
        "port_exports.sh": "# ours\nexport WEB_PORT=4000\n",
    }

    found = why("web", plan, texts=texts)

    assert found == Explanation(
        service="web",
        port=4000,
        assigned=4000,
        variable="WEB_PORT",
        declared=Place(
            file="pyproject.toml", line=2, text="tool.portconf.services.web"
        ),
        rule="in sequence from base port 4000; kept until it is released",
        stepped_over=(),
        stored=Place(file="config/port_assignments.json", line=6),
        exported=(
            Place(file=".env", line=3, text="WEB_PORT=4000"),
            Place(file="port_exports.sh", line=2, text="export WEB_PORT=4000"),
        ),
        overridden=None,
        leased="none, the registry is off: the plan's own number counts",
        lease=None,
        listens=None,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("4000", None),
        ("9999", "WEB_PORT=9999 in this shell's environment"),
        ("", "WEB_PORT= in this shell's environment"),
    ],
)
def test_a_shell_that_says_something_else_is_told(value, expected):
    environment = {} if value is None else {"WEB_PORT": value}

    found = why("web", planned(*SETTINGS.services), environment=environment)

    assert found.overridden == expected


def test_a_service_that_is_only_assigned_is_declared_nowhere():
    found = why("mq", planned(*SETTINGS.services, Service(name="mq")))

    assert found.declared is None
    assert found.exported == ()


@pytest.mark.parametrize(
    ("before", "now", "rule"),
    [
        (4010, 4010, "fixed: its declaration says port = 4010"),
        (None, 4010, "kept at 4000, though its declaration now fixes 4010: run init"),
        (4010, None, "kept from a declaration that once fixed it"),
        (3000, None, "kept from a declaration that once fixed it"),
    ],
)
def test_the_rule_tells_how_a_fixed_port_came_about(before, now, rule):
    plan = planned(Service(name="db", port=before))
    settings = Settings(services=(Service(name="db", port=now),))

    assert why("db", plan, settings).rule == rule


def test_what_was_stepped_over_is_told_with_the_reasons():
    services = [Service(name=name) for name in ("a", "b", "web")]
    plan = release(planned(*services, base=4044), "b")

    assert why("web", plan).stepped_over == (
        (4045, "browsers refuse it"),
        (4046, "released, or once fixed"),
    )


@pytest.mark.parametrize("name", ["services", "port", "purpose", "format", "released"])
def test_a_service_named_like_a_key_of_the_file_is_found_there(name):
    plan = planned(Service(name="web"), Service(name=name))

    stored = why(name, plan, Settings()).stored

    assert stored.line == 10


def lease(**more) -> Lease:
    root = "/home/you/shop"
    holder = Holder(
        namespace="", checkout=f"{root}/.git", project="", root=root, name="shop"
    )
    return Lease(number=3, holder=holder, **more)


AS_IT_STANDS = lease(ports={4000: "web", 4001: "mq"})
SHIFTED = lease(shift=16000, block=PortRange(first=20000, last=20099))


@pytest.mark.parametrize(
    ("name", "port", "held", "leased"),
    [
        ("web", None, None, "this checkout has none yet: run 'portconf init'"),
        ("web", 4000, None, "none, the registry is off: the plan's own number counts"),
        (
            *("web", 4000, AS_IT_STANDS),
            "the plan as it stands, 4000-4001 (instance 0)",
        ),
        (
            *("web", 20000, SHIFTED),
            "block 20000-20099 (instance 3), which shifts 4000 by 16000 to 20000",
        ),
        (
            *("db", 4010, SHIFTED),
            (
                "block 20000-20099 (instance 3), but this port is fixed or shared, and"
                " does not move"
            ),
        ),
    ],
)
def test_why_tells_how_the_checkout_came_to_its_ports(name, port, held, leased):
    found = why(name, planned(*SETTINGS.services), port=port, lease=held)

    assert found.leased == leased
    assert (found.port, found.lease) == (port, held)
    assert found.assigned == {"web": 4000, "db": 4010}[name]


@pytest.mark.parametrize(
    ("value", "overridden"),
    [("20000", None), ("4000", "WEB_PORT=4000 in this shell's environment")],
)
def test_the_plan_s_own_number_in_a_shell_overrides_a_shifted_port(value, overridden):
    found = why(
        "web",
        planned(*SETTINGS.services),
        port=20000,
        lease=SHIFTED,
        environment={"WEB_PORT": value},
    )

    assert found.overridden == overridden


def test_who_listens_is_part_of_the_explanation():
    seen = Sighting(
        port=4000,
        verdict=Verdict.FOREIGN,
        text="pid 9",
        listener=Listener(port=4000, protocol=Protocol.TCP, address="::1"),
    )

    found = why("web", planned(*SETTINGS.services), listens=seen)

    assert found.listens is seen
