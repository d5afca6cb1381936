"""What monitoring and DNS are told of services; the real programs have other tests."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import views

from portconf import formats
from portconf.addressing.targets import stem
from portconf.formats.prometheus import USUAL
from portconf.model import Endpoint, Protocol, Service
from portconf.ownership import Verdict
from portconf.registry.values import Holder, Lease
from portconf.settings import Settings
from portconf.views import Leased, Site, View


def view(*endpoints: Endpoint, **fields: Any) -> View:
    """Return a view whose services are declared."""
    services = tuple(Service(name=each.name) for each in endpoints)
    return views.view(*endpoints, settings=Settings(services=services), **fields)


def there(*endpoints: Endpoint, **fields: Any) -> Site:
    """Return the site of a linked worktree."""
    found = {"root": "/home/you/fix", "branch": "fix", "instance": 2, **fields}
    return views.site(*endpoints, **found)


def file(name: str, suffix: str, given: View) -> str:
    (found,) = (
        text
        for path, text in formats.load(name).render(given).items()
        if path.endswith(suffix)
    )
    return found


def groups(given: View) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file("prometheus", ".json", given))
    return found


def consul(given: View) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(views.text("consul", given))["services"]
    return found


WEB = views.endpoint("web", 4000, health="/healthz")


@pytest.mark.parametrize(
    ("fields", "module", "target"),
    [
        ({"health": "/up?x=1"}, "http", "http://127.0.0.1:4000/up?x=1"),
        ({"health": "/", "scheme": "https"}, "http", "https://127.0.0.1:4000/"),
        ({"health": "/", "scheme": "ws"}, "http", "http://127.0.0.1:4000/"),
        ({"health": "/a#b"}, "http", "http://127.0.0.1:4000/a"),
        ({"health": "/%zz%2f"}, "http", "http://127.0.0.1:4000/%25zz%2f"),
        ({"health": "/ä\\"}, "http", "http://127.0.0.1:4000/%C3%A4%5C"),
        ({"health": ("pg_isready",)}, "tcp", "127.0.0.1:4000"),
        ({"scheme": "https"}, "tcp", "127.0.0.1:4000"),
        ({}, "tcp", "127.0.0.1:4000"),
    ],
)
def test_a_service_is_asked_as_its_health_says(fields, module, target):
    (found,) = groups(view(views.endpoint("web", 4000, **fields)))

    assert found["targets"] == ["127.0.0.1:4000"]
    assert found["labels"]["__meta_portconf_module"] == module
    assert found["labels"]["__meta_portconf_target"] == target


def test_a_service_over_udp_is_a_target_that_nobody_asks():
    udp = views.endpoint("logs", 4000, protocol=Protocol.UDP, health="/")

    (found,) = groups(view(udp))
    (service,) = consul(view(udp))

    assert not [name for name in found["labels"] if name.startswith("__")]
    assert "checks" not in service


def test_the_labels_tell_a_target_from_every_other():
    given = view(WEB, others=(there(WEB, branch=None),))

    here, other = (each["labels"] for each in groups(given))

    shown = [n for n in here if not n.startswith("__")]
    assert {name: here[name] for name in shown} == {
        "service": "web",
        "project": "shop",
        "instance": "0",
        "branch": "main",
        "port": "4000",
    }
    assert "branch" not in other
    assert other["instance"] == "2"


def test_a_shared_service_is_one_target_and_marked():
    redis = views.endpoint("redis", 4001, shared=True)

    given = view(WEB, redis, others=(there(WEB, redis),))

    told = [(x["labels"]["service"], x["labels"]["instance"]) for x in groups(given)]
    assert told == [("web", "0"), ("redis", "0"), ("web", "2")]
    assert [x["labels"].get("shared") for x in groups(given)] == [None, "true", None]


def test_what_only_another_branch_declares_is_a_target_of_its_checkout():
    mail = views.endpoint("mail", 20105)

    told = [x["labels"]["service"] for x in groups(view(WEB, others=(there(mail),)))]

    assert told == ["web", "mail"]


def test_a_service_that_is_declared_no_more_is_not_down_for_ever():
    given = views.view(WEB, views.endpoint("old", 4001))
    settings = Settings(services=(Service(name="web"),))
    given = views.view(site=given.site, settings=settings)

    assert [each["labels"]["service"] for each in groups(given)] == ["web"]
    assert [each["name"] for each in consul(given)] == ["web"]
    assert "old" not in views.text("dnsmasq", given)


def test_no_two_checkouts_have_one_file():
    sites = [
        views.site(),
        views.site(root="/home/you/other/shop"),
        views.site(root="/home/you/fix"),
        views.site(project="../../shop", root="/home/\udce9"),
    ]

    names = {stem(each) for each in sites}

    assert len(names) == 4
    assert all(re.fullmatch("portconf-[0-9a-f]{8}", name) for name in names)


def test_a_checkout_that_is_moved_or_named_anew_keeps_its_file():
    before, after, other = (
        there(root=root, key=f"/home/you/shop/.git/worktrees/{key}/")
        for root, key in (("/a", "fix"), ("/b", "fix"), ("/a", "new"))
    )

    assert stem(before) == stem(after) == stem(replace(after, project="copy"))
    assert stem(before) != stem(other)


@pytest.mark.parametrize("name", ["prometheus", "consul", "dnsmasq"])
def test_all_checkouts_are_told_of_alike_from_each_of_them(name):
    clone = there(views.endpoint("web", 20100), project="copy")
    family = (views.site(WEB), replace(clone, project="shop"))

    def told(given: View) -> list[str]:
        suffix = ".conf" if name == "dnsmasq" else ".json"
        return file(name, suffix, given).splitlines()[2:]

    here = view(WEB, others=(clone,), family=lambda: family)
    back = replace(here, site=clone, others=(here.site,))

    assert told(here) == told(back)
    assert "copy" not in "".join(told(here))


def test_the_programs_are_where_the_project_declares_them():
    ports = {name: 5000 + n for n, name in enumerate(USUAL)}
    declared = view(*(views.endpoint(name, port) for name, port in ports.items()))

    usual = "".join(formats.load("prometheus").render(view()).values())
    moved = "".join(formats.load("prometheus").render(declared).values())

    for name, port in USUAL.items():
        assert f"127.0.0.1:{port}" in usual
        assert f"127.0.0.1:{ports[name]}" in moved
        assert f"127.0.0.1:{port}" not in moved
    assert "@" not in usual


def leased(**fields: Any) -> Leased:
    holder = Holder(
        namespace="",
        checkout="/home/you/shop/.git",
        project="",
        root="/home/you/shop",
        name="shop",
        linked=False,
    )
    lease = Lease(number=1, holder=holder, ports={4000: "web", 4001: "db", 4002: ""})
    return Leased(lease=lease, branch="main", **fields)


def samples(*seen: Leased) -> dict[str, int]:
    text = views.text("metrics", views.view(machine=lambda: seen))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in lines}


@pytest.mark.parametrize(
    ("verdict", "listening", "foreign"),
    [
        (Verdict.NOBODY, 0, 0),
        (Verdict.OURS, 1, 0),
        (Verdict.UNKNOWN, 1, 0),
        (Verdict.FOREIGN, 1, 1),
    ],
)
def test_a_metric_says_whose_a_port_is(verdict, listening, foreign):
    found = samples(leased(listening={4000: verdict}))

    where = 'project="shop",instance="0",branch="main",service="web",port="4000"'
    assert found[f"portconf_port_listening{{{where}}}"] == listening
    assert found[f"portconf_port_foreign{{{where}}}"] == foreign
    assert len(found) == 5


@pytest.mark.parametrize("gone", [True, False])
def test_a_metric_says_whether_a_lease_is_stale(gone):
    found = samples(leased(gone=gone))

    where = 'project="shop",instance="0",branch="main"'
    where += ',folder="/home/you/shop",ports="4000-4002"'
    assert found[f"portconf_lease_stale{{{where}}}"] == gone


def test_only_the_format_that_tells_of_the_machine_looks_at_it():
    def refuse() -> tuple[Leased, ...]:
        raise AssertionError("looked")

    for name in ("prometheus", "dnsmasq", "consul"):
        formats.load(name).render(view(WEB, machine=refuse))


def test_consul_has_an_id_for_every_service_of_every_checkout():
    found = consul(view(WEB, others=(there(WEB),)))

    assert len({each["id"] for each in found}) == 2
    assert [each["name"] for each in found] == ["web", "web"]
    assert [each["port"] for each in found] == [4000, 4000]
    assert [each["meta"]["instance"] for each in found] == ["0", "2"]


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ({}, {"tcp": "127.0.0.1:4000"}),
        ({"health": ("rm", "-r")}, {"tcp": "127.0.0.1:4000"}),
        ({"health": "/x"}, {"http": "http://127.0.0.1:4000/x", "method": "GET"}),
        (
            {"health": "/x", "scheme": "https"},
            {
                "http": "https://127.0.0.1:4000/x",
                "method": "GET",
                "tls_skip_verify": True,
            },
        ),
    ],
)
def test_consul_checks_a_service_as_its_health_says(fields, check):
    (found,) = consul(view(views.endpoint("web", 4000, **fields)))

    often = {"name": "web answers", "interval": "10s", "timeout": "5s"}
    assert found["checks"] == [{**check, **often}]


def test_consul_is_not_given_what_it_refuses():
    with pytest.raises(ValueError, match="no branch of more than 512 bytes"):
        consul(view(WEB, site=views.site(WEB, branch="é" * 257)))


def test_the_main_checkout_has_the_short_names_and_the_others_their_own():
    fix = there(views.endpoint("web", 20100))
    records = [
        "local=/web.shop.localhost/",
        "address=/web.shop.localhost/127.0.0.1",
        "srv-host=_web._tcp.shop.localhost,web.shop.localhost,4000",
        "local=/web.main.shop.localhost/",
        "address=/web.main.shop.localhost/127.0.0.1",
        "srv-host=_web._tcp.main.shop.localhost,web.main.shop.localhost,4000",
        "local=/web.fix.shop.localhost/",
        "address=/web.fix.shop.localhost/127.0.0.1",
        "srv-host=_web._tcp.fix.shop.localhost,web.fix.shop.localhost,20100",
    ]

    alone, both, worktree = (
        views.text("dnsmasq", each).splitlines()[3:]
        for each in (view(WEB), view(WEB, others=(fix,)), view(WEB, site=fix))
    )

    assert alone == records[:3]
    assert both == records
    assert worktree == [*records[:2], *records[6:]]


def test_two_services_with_one_name_in_dns_are_refused():
    given = view(views.endpoint("a-b", 4000), views.endpoint("a_b", 4001))

    with pytest.raises(ValueError, match="'a-b' and 'a_b' would have one host name"):
        views.text("dnsmasq", given)


def test_a_shared_service_has_one_name_in_dns_and_always_its_port():
    redis = views.endpoint("redis", 4001, shared=True)

    lines = views.text("dnsmasq", view(redis, site=there(redis))).splitlines()

    assert lines[3:] == [
        "local=/redis.shop.localhost/",
        "address=/redis.shop.localhost/127.0.0.1",
        "srv-host=_redis._tcp.shop.localhost,redis.shop.localhost,4001",
    ]


def test_a_name_too_long_for_an_srv_record_is_refused():
    with pytest.raises(ValueError, match=r"'s+' has 63 characters, .* takes 62"):
        views.text("dnsmasq", view(views.endpoint("s" * 63, 4000)))
    assert "s" * 62 in views.text("dnsmasq", view(views.endpoint("s" * 62, 4000)))
