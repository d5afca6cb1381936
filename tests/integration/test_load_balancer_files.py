"""What the real programs say to the files, whatever texts they were made from."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import views
from balancers import CHECKERS, declared
from ruamel.yaml import YAML

from portconf import formats
from portconf.views import View


GOLDEN = Path(__file__).parents[1] / "golden"
FILES = {
    "nginx": "nginx.conf",
    "nginx-servers": "portconf-shop.conf",
    "haproxy": "haproxy.cfg",
    "caddy": "Caddyfile",
}
SPECIAL = "{};#\"'\\$`\n\r\t %&|<>()[]*?!~^=:,@é\u2028🐘"
PATH = "/{};\"'\\$`%&|<>()[]*?!~^=:,@é🐘#not-sent"
SENT = "/%7B%7D;%22'%5C$%60%25&%7C%3C%3E()[]*?!~%5E=:,@%C3%A9%F0%9F%90%98"
NAMES = ["web.x.localhost", "web.0.x.localhost", "web.1.x.localhost"]


def two(text: str, path: str | None = None) -> View:
    """Return a view of two checkouts, with a text wherever a user may have one."""
    return declared(
        *(
            views.site(
                views.endpoint("web", 4000 + n, purpose=text, health=path),
                views.endpoint("db", 4500 + n, scheme="postgresql", purpose=text),
                project=text,
                root=f"/home/you/{text}/{n}",
                branch=f"{text}{n}",
                instance=n,
            )
            for n in range(2)
        )
    )


@pytest.mark.parametrize("name", ["caddy", "dnsmasq"])
def test_a_name_is_one_checkouts_in_every_file_of_the_repository(shop, name):
    clone, loose = shop.clone("../copy"), shop.worktree("../loose")
    loose.git("checkout", "-q", "--detach")
    found = {each: each.init() for each in (shop, clone, loose)}
    zones = {shop: "main", clone: f"main-{found[clone]['instance']}"}
    zones[loose] = str(found[loose]["instance"])

    texts = {
        (each, *more): each.run("export", "--format", name, *more).out
        for each in zones
        for more in ((), ("--all-checkouts",))
    }

    for (of, *more), text in texts.items():
        told = {*re.findall(r"\bweb\.([^./]+)\.([^./]+)\.localhost", text)}
        wanted = zones.values() if more else [] if of is shop else [zones[of]]
        assert told == {(each, "shop") for each in wanted}


def test_who_listens_is_named_and_no_port_of_a_service_is(shop):
    shop.init()

    named = shop.run("export", "--format", "caddy", "--listen", "web")
    number = shop.run("export", "--format", "caddy", "--listen", str(shop.port("web")))

    assert f"http://db.shop.localhost:{shop.port('web')}" in named.out
    assert "web.shop.localhost" not in named.out
    assert number.code == 2
    assert f"port {shop.port('web')}, on which it is to listen, is that of 'web'" in (
        number.err
    )


@pytest.mark.parametrize("balancer", CHECKERS)
def test_the_program_accepts_the_golden_file(balancer, tmp_path):
    text = (GOLDEN / f"export.{balancer.name}").read_text(encoding="utf-8")

    balancer.put({FILES[balancer.name]: text}, tmp_path / "golden")

    balancer.checked(tmp_path / "golden")


@pytest.mark.parametrize("balancer", CHECKERS)
def test_the_program_accepts_what_is_made_from_any_text(balancer, tmp_path):
    texts = formats.load(balancer.name).render(two(SPECIAL, PATH))

    balancer.put(texts, tmp_path / "hostile")

    balancer.checked(tmp_path / "hostile")


@pytest.mark.parametrize("balancer", CHECKERS)
def test_two_hundred_checkouts_with_the_longest_names_are_not_too_many(
    balancer, tmp_path
):
    names = [f"service-{'x' * 53}-{n}" for n in range(5)]
    given = declared(
        *(
            views.site(
                *(
                    views.endpoint(name, 20_000 + 10 * n + more, health="/")
                    for more, name in enumerate(names)
                ),
                project="p" * 100,
                root=f"/home/you/{n}",
                branch=f"{'b' * 70}{n}" if n % 2 else f"fix/{n}",
                instance=n,
            )
            for n in range(200)
        )
    )

    texts = formats.load(balancer.name).render(given)

    assert " ".join(texts.values()).count(f".{'p' * 63}.localhost") >= 5 * 201
    balancer.put(texts, tmp_path / "many")
    balancer.checked(tmp_path / "many")


@pytest.mark.parametrize(
    "balancer", [each for each in CHECKERS if str(each.id).startswith("nginx")]
)
def test_nginx_serves_the_names_of_the_view_and_no_other(balancer, tmp_path):
    texts = formats.load(balancer.name).render(two(SPECIAL))
    balancer.put(texts, tmp_path / "all")

    read = balancer.checked(tmp_path / "all", "-T", *balancer.run)

    upstreams = re.findall(r"^ *upstream (\S+) {$", read, re.MULTILINE)
    (served,) = re.findall(r"server_name\n([^;{}]*);", read)
    assert served.split() == upstreams == NAMES


@pytest.mark.parametrize("balancer", [each for each in CHECKERS if each.id == "caddy"])
def test_caddy_reads_the_names_and_the_path_as_they_are_meant(balancer, tmp_path):
    texts = formats.load("caddy").render(two(SPECIAL, PATH))
    balancer.put(texts, tmp_path / "all")

    read = json.loads(
        balancer.checked(
            tmp_path / "all", "adapt", "--adapter", "caddyfile", "--config", "FILE"
        )
    )

    (server,) = read["apps"]["http"]["servers"].values()
    *routes, last = server["routes"]
    hosts = [host for each in routes for host in each["match"][0]["host"]]
    assert sorted(hosts) == sorted(
        f"{name}{dot}" for name in NAMES for dot in ("", ".")
    )
    assert "match" not in last
    assert read["admin"] == {"disabled": True}
    assert server["listen"] == ["127.0.0.1:8080", "[::1]:8080"]
    uris = re.findall(r'"uri": ?("[^"]*")', json.dumps(read))
    assert {json.loads(each) for each in uris} == {SENT}


@pytest.mark.parametrize("balancer", [each for each in CHECKERS if each.id == "caddy"])
def test_caddy_would_not_format_its_file_in_another_way(balancer, tmp_path):
    (text,) = formats.load("caddy").render(two(SPECIAL, PATH)).values()
    balancer.put({"Caddyfile": text}, tmp_path / "all")

    formatted = balancer.checked(tmp_path / "all", "fmt", "FILE")

    assert formatted == text


def test_a_reader_of_yaml_gets_what_traefik_documents():
    (text,) = formats.load("traefik").render(two(SPECIAL, PATH)).values()

    read: Any = YAML(typ="safe", pure=True).load(text)["http"]

    assert list(read["routers"]) == list(read["services"]) == NAMES
    for name, router in read["routers"].items():
        assert router["rule"] == f"Host(`{name}`)"
        assert router["service"] == name
        assert router["entryPoints"] == ["portconf"]
        assert {*router["middlewares"]} == {*read["middlewares"]}
    balancer = read["services"][NAMES[0]]["loadBalancer"]
    assert balancer["healthCheck"]["path"] == SENT
    assert [each["url"] for each in balancer["servers"]] == [
        f"http://{host}:{port}"
        for port in (4000, 4001)
        for host in ("127.0.0.1", "[::1]")
    ]
