import pytest

from conftest import SEVEN
from portconf.declaration import parse
from portconf.environment import compose_project
from portconf.errors import AssignmentError, ConfigError
from portconf.model import Assignment, Endpoint, Plan, Service
from portconf.plan import begin, extend
from portconf.settings import Settings
from portconf.templates import Template
from portconf.variables import compute, endpoints, stamp, variable


ROOT = "/home/you/shop"
WEB, DB = Service(name="web"), Service(name="db", env="PGPORT")
SETTINGS = Settings(
    services=(WEB, DB),
    templates=(
        Template.parse("URL", "http://127.0.0.1:{web}/"),
        Template.parse("A_PAIR", "{db}-{web}"),
    ),
)
PLAN = Plan(
    base_port=4000,
    next_port=4002,
    services={"web": Assignment(port=4001), "db": Assignment(port=4000)},
)


def test_the_reference_declaration_gives_exactly_these_variables_in_this_order():
    settings = parse(SEVEN)
    assert settings is not None
    plan, _ = extend(begin(4000), settings.services, last_port=settings.last_port)

    found = compute(plan, settings, root=ROOT)

    assert list(found.items()) == [
        ("BASE_PORT", "4000"),
        ("NEXT_PORT", "4007"),
        ("HTTP_SERVER_PORT", "4000"),
        ("POSTGRES_PORT", "4001"),
        ("MONGO_PORT", "4002"),
        ("REDIS_PORT", "4003"),
        ("ELASTICSEARCH_PORT", "4004"),
        ("GRAFANA_PORT", "4005"),
        ("PROMETHEUS_PORT", "4006"),
        ("PORTCONF_INSTANCE", "0"),
        ("PORTCONF_ROOT", ROOT),
        ("PORTCONF_STAMP", found["PORTCONF_STAMP"]),
    ]


def test_services_come_in_port_order_and_templates_as_declared():
    found = compute(PLAN, SETTINGS, root=ROOT)

    assert list(found)[2:6] == ["PGPORT", "WEB_PORT", "URL", "A_PAIR"]
    assert found["URL"] == "http://127.0.0.1:4001/"
    assert found["A_PAIR"] == "4000-4001"


def test_a_shifted_checkout_moves_every_port_by_the_same_and_names_a_project():
    found = compute(PLAN, SETTINGS, root=ROOT, instance=3, shift=16100)

    found.pop("PORTCONF_STAMP")
    assert list(found.items()) == [
        ("BASE_PORT", "20100"),
        ("NEXT_PORT", "20102"),
        ("PGPORT", "20100"),
        ("WEB_PORT", "20101"),
        ("URL", "http://127.0.0.1:20101/"),
        ("A_PAIR", "20100-20101"),
        ("PORTCONF_INSTANCE", "3"),
        ("PORTCONF_ROOT", ROOT),
        ("COMPOSE_PROJECT_NAME", "shop-3"),
    ]


def test_an_endpoint_tells_the_assigned_port_and_the_effective_one():
    assert endpoints(PLAN, SETTINGS, shift=16100)[1] == Endpoint(
        name="web", variable="WEB_PORT", assigned=4001, port=20101, purpose=""
    )


def test_a_service_that_is_only_assigned_has_its_default_variable():
    plan, _ = extend(PLAN, [Service(name="a-queue")], last_port=32767)

    found = compute(plan, SETTINGS, root=ROOT)

    assert found["A_QUEUE_PORT"] == "4002"
    assert variable(SETTINGS, "db") == "PGPORT"
    assert variable(SETTINGS, "a-queue") == "A_QUEUE_PORT"


def test_a_declared_service_without_a_port_is_refused_with_all_of_their_names():
    with pytest.raises(AssignmentError, match=r"^no port yet for 'web', 'db'$"):
        compute(begin(4000), SETTINGS, root=ROOT)


@pytest.mark.parametrize(
    "name",
    ["pg", "url-is-taken"],
)
def test_an_assigned_service_that_takes_a_declared_variable_is_refused(name):
    settings = Settings(
        services=(Service(name="web", env="PG_PORT"),),
        templates=(Template.parse("URL_IS_TAKEN_PORT", "x"),),
    )
    services = {"web": Assignment(port=4000), name: Assignment(port=4001)}
    plan = Plan(base_port=4000, next_port=4002, services=services)

    with pytest.raises(ConfigError, match=r"variable '(PG|URL_IS_TAKEN)_PORT' is of"):
        compute(plan, settings, root=ROOT)


def test_the_stamp_changes_with_any_name_value_or_order():
    stamps = [
        stamp({"A": "1", "B": "2"}),
        stamp({"B": "2", "A": "1"}),
        stamp({"A": "1", "B": "3"}),
        stamp({"A": "1", "C": "2"}),
        stamp({"A": "1"}),
        stamp({}),
    ]

    assert len({*stamps}) == len(stamps)
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in stamps)


def test_the_stamp_is_of_all_the_other_variables():
    found = compute(PLAN, SETTINGS, root=ROOT, instance=3, shift=16100)

    alone = found.pop("PORTCONF_STAMP")

    assert alone == stamp(found)


def test_a_folder_whose_name_is_not_text_has_a_stamp():
    assert compute(PLAN, SETTINGS, root="/home/you/caf\udce9")["PORTCONF_STAMP"]


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("/home/you/shop", "shop-7"),
        ("/home/you/My Shop!", "my-shop-7"),
        ("/home/you/_Shop_", "shop-7"),
        ("/home/you/café", "caf-7"),
        ("/home/you/日本", "portconf-7"),
        ("/home/you/shop/", "shop-7"),
        ("/", "portconf-7"),
    ],
)
def test_a_compose_project_is_the_folder_and_the_instance(root, expected):
    assert compose_project(root, 7) == expected


def test_the_main_checkout_leaves_the_compose_project_to_compose():
    assert compose_project("/home/you/shop", 0) is None
