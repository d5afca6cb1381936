"""Which names lead where; that the real programs go there is tested with these."""

from dataclasses import replace

import pytest
import views
from balancers import declared

from portconf import formats
from portconf.addressing.heading import heading
from portconf.addressing.labels import label
from portconf.addressing.routes import Routing, routing, speaks_http
from portconf.addressing.zones import zones
from portconf.model import Protocol
from portconf.views import Site, View


FORMATS = ("nginx", "nginx-servers", "haproxy", "caddy", "traefik")
SPECIAL = "{};#\"'\\$`\n\r\t %&|<>()[]*?!~^=:,@é\u2028🐘"
HOSTILE = [
    "a; } server { listen 0.0.0.0:1; root /; #",
    "a\n\treverse_proxy evil.example\n}\n{$HOME}{env.HOME}",
    "a`) || Host(`evil.example",
    '{{ env "HOME" }}',
    "a\n    server evil 203.0.113.9:80\n",
    "a'\"\\\n- url: http://evil.example",
    "caf\udce9",
    SPECIAL,
    *SPECIAL,
]


def main(*ports: int, **fields) -> Site:
    """Return the main checkout, with services called web, api and so on."""
    names = ("web", "api", "db")
    return views.site(
        *(views.endpoint(name, port, **fields) for name, port in zip(names, ports))  # noqa: B905 - as many as there are ports
    )


def worktree(number: int, branch: str | None, *endpoints, **fields) -> Site:
    found = {"branch": branch, "instance": number, "root": f"/home/you/{number}"}
    return views.site(*endpoints, **found, **fields)


def ports(found: Routing) -> dict[str, list[int]]:
    """Return the ports that each name leads to."""
    return {each.host: [x.port for x in each.servers] for each in found.routes}


def test_the_main_checkout_alone_has_one_name_a_service():
    found = routing(declared(main(4000, 4001)))

    assert ports(found) == {"web.shop.localhost": [4000], "api.shop.localhost": [4001]}


def test_another_checkout_has_a_name_of_its_own_beside():
    site = worktree(2, "feature/X_1", views.endpoint("web", 20000))

    found = routing(declared(site))

    assert ports(found) == {
        "web.shop.localhost": [20000],
        "web.feature-x-1.shop.localhost": [20000],
    }


def test_all_checkouts_are_behind_the_common_name_and_each_behind_its_own():
    fix = worktree(2, "fix", views.endpoint("web", 20000))
    old = worktree(3, None, views.endpoint("web", 20100), views.endpoint("old", 20101))

    found = routing(declared(main(4000, 4001), fix, old))

    assert ports(found) == {
        "web.shop.localhost": [4000, 20000, 20100],
        "web.main.shop.localhost": [4000],
        "web.fix.shop.localhost": [20000],
        "web.3.shop.localhost": [20100],
        "api.shop.localhost": [4001],
        "api.main.shop.localhost": [4001],
        "old.shop.localhost": [20101],
        "old.3.shop.localhost": [20101],
    }


@pytest.mark.parametrize("name", FORMATS)
def test_the_file_is_the_same_from_whichever_checkout(name):
    sites = [
        worktree(n, branch, *main(4000 + n).endpoints)
        for n, branch in enumerate(["main", "a/b", "a_b", None, "2"])
    ]

    (first,) = formats.load(name).render(declared(*sites)).values()
    (last,) = formats.load(name).render(declared(*reversed(sites))).values()

    assert first.splitlines()[1] == "# For the project in '/home/you/0'"
    assert last.splitlines()[1] == "# For the project in '/home/you/4'"
    assert first.splitlines()[2:] == last.splitlines()[2:]


def test_a_name_is_the_same_checkouts_in_a_view_of_it_alone_and_of_all():
    sites = (
        main(4000),
        *(worktree(n, "fix", views.endpoint("web", 4000 + n)) for n in (2, 3)),
    )
    hosts = [f"web.{zone}.shop.localhost" for zone in ("main", "fix-2", "fix-3")]

    every = ports(routing(declared(*sites)))
    for site, host in zip(sites[1:], hosts[1:], strict=True):
        alone = ports(routing(declared(site, family=lambda: sites)))
        assert [*alone] == ["web.shop.localhost", host]
        assert alone[host] == every[host]

    assert [*every] == ["web.shop.localhost", *hosts]


def test_the_projects_label_is_that_of_the_repositorys_first_checkout():
    clone = worktree(2, "main", *main(20000).endpoints, project="copy")
    family = (main(4000), replace(clone, project="shop"))

    found = routing(declared(clone, family=lambda: family))

    assert [*ports(found)] == ["web.shop.localhost", "web.main-2.shop.localhost"]


@pytest.mark.parametrize(
    ("fields", "speaks"),
    [
        ({}, True),
        *(({"scheme": each}, True) for each in ("http", "https", "ws", "wss")),
        *(({"scheme": each}, False) for each in ("postgresql", "redis", "ftp")),
        ({"scheme": "grpc", "health": "/"}, False),
        ({"health": "/healthz"}, True),
        ({"health": ("pg_isready",)}, False),
        ({"container_port": 5432}, False),
        ({"container_port": 3000, "scheme": "http"}, True),
        ({"container_port": 3000, "health": "/"}, True),
        ({"protocol": Protocol.UDP}, False),
        ({"protocol": Protocol.UDP, "scheme": "http"}, False),
    ],
)
def test_a_service_has_a_name_where_its_declaration_says_http(fields, speaks):
    assert speaks_http(views.endpoint("web", 4000, **fields)) is speaks


def test_what_has_no_name_is_told_in_the_file():
    site = views.site(
        views.endpoint("web", 4000),
        views.endpoint("queue", 4001, container_port=5672),
        views.endpoint("db", 4002, scheme="postgresql"),
    )

    (text,) = formats.load("caddy").render(declared(site)).values()

    told = "# Without a name, as they do not speak HTTP: db, queue"
    assert text.split("\n")[2] == told


def test_a_shared_service_is_one_server_with_one_name():
    mail = views.endpoint("mail", 4001, shared=True)

    found = routing(declared(views.site(mail), worktree(2, "fix", mail)))

    assert ports(found) == {"mail.shop.localhost": [4001]}


def test_a_pinned_port_is_one_server_behind_the_common_name():
    web = views.endpoint("web", 8000)

    found = routing(declared(views.site(web), worktree(2, "fix", web)))

    assert ports(found)["web.shop.localhost"] == [8000]


def test_what_is_declared_no_more_has_no_name():
    given = declared(main(4000))
    gone = views.endpoint("gone", 4001)

    found = routing(
        views.view(*given.site.endpoints, gone, settings=given.settings, variables={})
    )

    assert [*ports(found)] == ["web.shop.localhost"]


def test_the_common_name_leads_to_those_that_speak_as_the_first_checkout_does():
    secure = worktree(2, "tls", views.endpoint("web", 20000, scheme="https"))
    plain = worktree(3, "fix", views.endpoint("web", 20100, scheme="ws"))

    found = routing(declared(main(4000), secure, plain))

    assert ports(found)["web.shop.localhost"] == [4000, 20100]
    assert [each.host for each in found.routes if each.secure] == [
        "web.tls.shop.localhost"
    ]


def test_a_common_name_is_asked_by_a_path_that_all_its_servers_declare():
    one, other = (views.endpoint("web", 4000, health=each) for each in ("/a", "/b"))
    same = worktree(2, "fix", views.endpoint("web", 20000, health="/a"))

    assert routing(declared(views.site(one), same)).routes[0].health == "/a"
    assert routing(declared(views.site(other), same)).routes[0].health is None


@pytest.mark.parametrize("path", ["/100%", "/{$HOME}", '/"`\\', "/a#b", "/%41é"])
def test_a_path_is_sent_as_a_url_has_it(path):
    (route,) = routing(declared(main(4000, health=path))).routes

    expected = {
        "/100%": "/100%25",
        "/{$HOME}": "/%7B$HOME%7D",
        '/"`\\': "/%22%60%5C",
        "/a#b": "/a",
        "/%41é": "/%41%C3%A9",
    }
    assert route.health == expected[path]


@pytest.mark.parametrize("name", ["haproxy", "caddy", "traefik"])
@pytest.mark.parametrize("path", ["//evil.example/", "//"])
def test_a_path_that_is_taken_for_a_host_is_not_asked_for(name, path):
    fix = worktree(2, "fix", *main(20000, health=path).endpoints)
    given = declared(main(4000, health=path), fix)

    text = views.text(name, given)

    told = "# Without a check of health, whose path begins with '//': web"
    assert text.split("\n")[2] == told
    assert path not in text.replace(told, "").replace("http://", "")
    assert {each.health for each in routing(given).routes} == {None}


def test_checkouts_whose_branches_give_one_label_have_their_numbers_added():
    branches = {0: "x", 2: "x", 3: "fix/a", 4: "fix_a", 5: None, 6: "a.b"}
    sites = [worktree(number, branch) for number, branch in branches.items()]

    found = zones(sites)

    assert [*found.values()] == ["x", "x-2", "fix-a-3", "fix-a-4", "5", "a-b"]


def test_an_added_number_makes_no_label_that_a_branch_has():
    branches = {0: "x-3", 2: "x/3", 3: "x", 4: "x", 5: "x-4", 6: None, 7: "6"}
    sites = [worktree(number, branch) for number, branch in branches.items()]

    found = zones(sites)

    assert [*found.values()] == [
        *("x-3", "x-3-2", "x-3-3", "x-4-2", "x-4", "6-6", "6-7")
    ]


def test_a_label_that_is_cut_stays_within_its_length():
    sites = [worktree(number, "b" * 70 + str(number)) for number in (0, 2, 13)]

    assert [*zones(sites).values()] == ["b" * 63, "b" * 61 + "-2", "b" * 60 + "-13"]


def test_two_services_with_one_label_are_refused():
    site = views.site(
        views.endpoint("a.b", 4000), views.endpoint("a_b", 4001, variable="OTHER")
    )

    with pytest.raises(ValueError, match=r"'a\.b' and 'a_b' would have one host name"):
        routing(declared(site))


def test_a_view_without_http_is_refused():
    with pytest.raises(ValueError, match="no service speaks HTTP; declare one"):
        routing(declared(main(5432, scheme="postgresql")))


def balanced(number: int) -> Site:
    """Return a checkout with a balancer of its own."""
    proxy, web = 4000 + number, 4100 + number
    return worktree(
        number,
        f"b{number}",
        views.endpoint("proxy", proxy),
        views.endpoint("web", web),
    )


def test_the_service_that_is_named_to_listen_on_is_the_balancer_itself():
    sites = (balanced(0), balanced(2))

    found = routing(declared(*sites, listen=4000, listener="proxy"))

    assert ports(found)["web.shop.localhost"] == [4100, 4102]
    assert not [each for each in ports(found) if each.startswith("proxy.")]
    assert found.nameless == ()


def test_the_number_of_a_services_port_is_not_listened_on():
    with pytest.raises(
        ValueError, match=r"port 4000, .* is that of 'proxy' in /home/you/0"
    ):
        routing(declared(balanced(0), listen=4000))


def test_the_port_of_another_checkouts_server_is_not_listened_on():
    fix = worktree(2, "fix", views.endpoint("db", 20001, scheme="postgresql"))

    with pytest.raises(
        ValueError, match=r"port 20001, .* is that of 'db' in /home/you/2"
    ):
        routing(declared(main(4000), fix, listen=20001))


def hostile(text: str, branch: str, folder: str) -> View:
    return declared(
        *(
            views.site(
                views.endpoint("web", 4000 + n, purpose=text),
                views.endpoint("db", 4500 + n, purpose=text, scheme="postgresql"),
                project=text,
                branch=f"{branch}{n}",
                root=f"{folder}/{n}",
                instance=n,
            )
            for n in range(2)
        )
    )


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_of_a_users_text_nothing_but_a_label_gets_into_the_file(name, text):
    given, tame = (
        hostile(text, text, text),
        hostile(label(text), label(text + "0")[:-1], ""),
    )

    found, expected = views.text(name, given), views.text(name, tame)

    assert found.splitlines()[2:] == expected.splitlines()[2:]


@pytest.mark.parametrize("text", [*HOSTILE, "/a" * 2000, "/🐘" * 2000])
def test_of_the_folder_the_file_has_a_comment_that_ends_with_its_line(text):
    line = heading(views.site(root=f"/home/{text}"))[1]

    assert line.startswith("# For the project in ")
    assert line.isprintable()
    assert "{" not in line
    assert len(line.encode()) < 1024


@pytest.mark.parametrize("name", ["nginx-servers", "traefik"])
def test_two_projects_with_one_folder_name_have_two_files(name):
    given = [
        declared(replace(main(4000), root=root)) for root in ("/a/shop", "/b/shop")
    ]

    files = [formats.load(name).render(each) for each in given]

    assert not files[0].keys() & files[1].keys()
    for each, root in zip(files, ("/a/shop", "/b/shop"), strict=True):
        (text,) = each.values()
        assert text.splitlines()[1] == f"# For the project in '{root}'"
