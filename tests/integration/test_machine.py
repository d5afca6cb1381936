"""What the checkouts of a machine hold: listed, swept, given up by path."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from capability import needs
from checkouts import Checkout, declaration, free_ports, leased, registry, rows, server


pytestmark = needs("git")


@pytest.fixture
def tree(shop) -> Checkout:
    """A linked worktree that has its lease, as the main checkout has."""
    shop.init()
    made: Checkout = shop.worktree("../tree")
    made.init()
    return made


def test_the_leases_are_listed_with_who_has_them(shop, tree, base):
    listed = tree.run("leases", "--json").data["leases"]

    first, second = listed
    assert (first["folder"], first["branch"]) == (str(shop.root), "main")
    assert (second["folder"], second["branch"]) == (str(tree.root), "tree")
    assert [each["project"] for each in listed] == ["shop", "shop"]
    assert [each["linked"] for each in listed] == [False, True]
    assert [each["instance"] for each in listed] == [0, second["number"]]
    assert first["services"] == {"web": base, "db": base + 1, "queue": base + 2}
    assert second["services"]["web"] == base + second["shift"]
    assert (first["block"], first["ports"]) == (None, f"{base}-{base + 2}")
    assert second["block"] == second["ports"]


def test_the_list_for_people_is_a_line_for_each(shop, tree):
    done = tree.run("leases")

    head, *lines = done.out.splitlines()
    assert head.split() == ["instance", "ports", "project", "branch", "folder"]
    assert [line.split()[2:] for line in lines] == [
        ["shop", "main", str(shop.root)],
        ["shop", "tree", str(tree.root)],
    ]
    assert done.err == ""


def test_a_lease_of_a_checkout_that_is_gone_is_listed_without_a_branch(tree):
    shutil.rmtree(tree.root)

    listed = Checkout(tree.root.parent).run("leases", "--json").data["leases"]

    assert [each["branch"] for each in listed] == ["main", None]


def test_without_any_lease_nothing_is_listed_nor_made(tmp_path):
    here = Checkout(tmp_path)

    told = [
        here.run("leases", "--json").data["leases"],
        here.run("status", "--all", "--json").data["leases"],
        here.run("gc", "--json").data["freed"],
    ]

    assert told == [[], [], []]
    assert "nothing to free" in here.run("gc").err
    assert not registry().parent.exists()


@pytest.mark.usefixtures("tree")
def test_with_the_registry_off_nothing_is_listed(shop, monkeypatch):
    monkeypatch.setenv("PORTCONF_REGISTRY", "off")

    assert shop.run("leases", "--json").data["leases"] == []
    assert shop.run("gc", "--json").data == {"freed": [], "kept": [], "dry_run": False}
    assert len(leased()) == 2


def test_status_of_all_tells_which_services_listen_and_whose_they_are(
    shop, tree, base, tmp_path
):
    port = tree.port("db")

    with (
        server(base, at=shop.root) as ours,
        server(port, at=tmp_path) as foreign,
    ):
        listed = shop.run("status", "--all", "--json").data["leases"]
        shown = shop.run("status", "--all").out

    first, second = (each["listening"] for each in listed)
    assert [(x["service"], x["pid"], x["verdict"]) for x in first] == [
        ("web", ours, "ours")
    ]
    assert [(x["service"], x["pid"], x["verdict"]) for x in second] == [
        ("db", foreign, "foreign")
    ]
    lines = shown.splitlines()
    assert lines[0].split()[-1] == "listening"
    assert lines[1].endswith(f"{shop.root}  web")
    assert lines[2].endswith("db (foreign)")


def test_nobody_is_foreign_on_the_port_of_a_shared_service(shop, base, tmp_path):
    shop.declare(declaration(base, table="mail = { shared = true }"))
    shop.run("init")

    with server(shop.port("mail"), at=tmp_path):
        (found,) = shop.run("status", "--all", "--json").data["leases"][0]["listening"]
        metrics = shop.run("export", "--format", "metrics").out

    assert (found["service"], found["verdict"]) == ("mail", "unknown")
    (line,) = re.findall(r'portconf_port_foreign{.*service="mail".* (.)', metrics)
    assert line == "0"


def test_a_server_of_ours_on_the_port_of_a_shared_service_is_ours(shop, base):
    shop.declare(declaration(base, table="mail = { shared = true }"))
    shop.run("init")

    with server(shop.port("mail"), at=shop.root):
        (found,) = shop.run("status", "--all", "--json").data["leases"][0]["listening"]

    assert (found["service"], found["verdict"]) == ("mail", "ours")


def test_another_protocol_on_the_port_of_a_service_is_nobodys_business(shop, base):
    shop.declare(declaration(base, "web"))
    shop.run("init")

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", shop.port("web")))
        (lease,) = shop.run("status", "--all", "--json").data["leases"]

    assert lease["listening"] == []


def test_a_server_is_that_of_the_checkout_it_runs_in_wherever_one_asks(shop, tree):
    port = tree.port()

    with server(port, at=tree.root):
        listed = shop.run("status", "--all", "--json").data["leases"]

    assert listed[1]["listening"][0]["verdict"] == "ours"
    assert listed[1]["listening"][0]["checkout"] == str(tree.root)


def test_a_service_that_speaks_udp_is_seen_to_listen(shop, base):
    shop.declare(declaration(base, table='dns = { protocol = "udp" }'))
    port = shop.init()["services"]["dns"]

    with server(port, at=shop.root, does="udp"):
        (listed,) = shop.run("status", "--all", "--json").data["leases"]
        released = shop.run("release", "--checkout", ".")

    assert [each["service"] for each in listed["listening"]] == ["dns"]
    assert released.code == 5


class TestGc:
    """Frees what is confirmed gone, and says what it kept and why."""

    def test_it_says_what_it_freed_and_what_it_kept_and_why(self, shop, tree):
        block = tree.lease()["block"]
        shop.git("worktree", "remove", "--force", str(tree.root))

        done = shop.run("gc")

        freed, kept = sorted(done.err.splitlines())
        assert freed == f"portconf: freed {block} of shop at {tree.root}"
        assert kept.startswith("portconf: kept ")
        assert kept.endswith(f"of shop at {shop.root}: {shop.root} is there")
        assert done.out == ""

    def test_a_dry_run_frees_nothing(self, shop, tree):
        shop.git("worktree", "remove", "--force", str(tree.root))
        before = registry().read_bytes()

        done = shop.run("gc", "--dry-run", "--json").data

        assert [each["folder"] for each in done["freed"]] == [str(tree.root)]
        assert done["dry_run"] is True
        assert registry().read_bytes() == before
        assert str(tree.root) in leased()

    def test_what_listens_on_a_gone_checkouts_ports_is_waited_for(
        self, shop, tree, tmp_path
    ):
        port = tree.port("db")
        shop.git("worktree", "remove", "--force", str(tree.root))

        with server(port, at=tmp_path):
            while_it_runs = shop.run("gc", "--json").data
        afterwards = shop.run("gc", "--json").data

        assert while_it_runs["freed"] == []
        reasons = {each["folder"]: each["reason"] for each in while_it_runs["kept"]}
        assert reasons[str(tree.root)] == f"somebody still listens on {port} (db)"
        assert [each["folder"] for each in afterwards["freed"]] == [str(tree.root)]

    def test_it_needs_no_project(self, shop, tree, tmp_path):
        shop.git("worktree", "remove", "--force", str(tree.root))

        assert Checkout(tmp_path).run("gc").code == 0
        assert leased().keys() == {str(shop.root)}

    @pytest.mark.usefixtures("tree")
    def test_a_closed_registry_is_no_error_to_free_nothing_in(self, shop):
        before = os.stat(registry()).st_mtime_ns

        shop.run("gc")

        assert os.stat(registry()).st_mtime_ns == before

    def test_a_number_that_was_freed_is_not_given_again(self, shop, tree):
        before = tree.lease()["number"]
        shop.git("worktree", "remove", "--force", str(tree.root))
        shop.run("gc")

        after = shop.worktree("../other").init()["number"]

        assert after > before


class TestAnotherNetwork:
    """A container that shares home and checkouts with its host."""

    @pytest.fixture
    def inside(self, shop) -> Checkout:
        """A clone that has a lease in a network of its own; the host's has another."""
        shop.init()
        clone: Checkout = shop.clone("../clone")
        done = subprocess.run(
            [*IN_A_NETWORK, sys.executable, "-m", "portconf", "init", "--json"],
            cwd=clone.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if not done.stdout:
            pytest.skip(f"may not make a network namespace: {done.stderr}")
        assert json.loads(done.stdout)["data"]["lease"]["shift"] == 0
        return clone

    def test_one_number_is_two_ports(self, inside, base):
        assert inside.port() != base
        assert rows("SELECT count(*) FROM ports WHERE port = ?", base) == [(2,)]

    def test_its_lease_is_kept_when_its_checkout_is_gone(self, shop, inside):
        shutil.rmtree(inside.root)

        swept = shop.run("gc", "--json").data

        kept = {each["folder"]: each["reason"] for each in swept["kept"]}
        assert "another network namespace" in kept[str(inside.root)]
        assert swept["freed"] == []

    def test_its_lease_is_not_given_up_from_outside_without_force(self, shop, inside):
        """Every container may have a checkout at this path, and a server in it."""
        inside.init()

        shop.run("release", "--checkout", str(inside.root))
        left = rows(
            "SELECT count(*) FROM leases WHERE root = ?", os.fsencode(inside.root)
        )
        refused = shop.run("release", "--checkout", str(inside.root), "--json")
        forced = shop.run("release", "--checkout", str(inside.root), "--force")

        assert left == [(1,)]
        assert refused.code == 5
        assert "--force" in refused.error["hint"]
        assert forced.code == 0
        assert leased().keys() == {str(shop.root)}

    @pytest.mark.usefixtures("inside")
    def test_nobody_outside_listens_on_its_ports(self, shop, base):
        with server(base, at=shop.root):
            listed = shop.run("status", "--all", "--json").data["leases"]

        assert [len(each["listening"]) for each in listed] == [1, 0]


IN_A_NETWORK = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]


class TestReleaseOfACheckout:
    """`release --checkout PATH`."""

    def test_it_gives_the_lease_up_and_nothing_else(self, shop, tree):
        files = {p: p.read_bytes() for p in tree.root.iterdir() if p.is_file()}

        done = shop.run("release", "--checkout", str(tree.root), "--json")

        assert [each["folder"] for each in done.data["freed"]] == [str(tree.root)]
        assert leased().keys() == {str(shop.root)}
        assert {p: p.read_bytes() for p in files} == files

    @pytest.mark.parametrize("way", ["../tree", "../link", "../shop/../tree"])
    def test_a_path_from_here_and_a_link_will_do(self, shop, tree, way):
        (shop.root.parent / "link").symlink_to(tree.root)

        done = shop.run("release", "--checkout", way)

        assert done.code == 0
        assert leased().keys() == {str(shop.root)}

    def test_it_works_where_nothing_is_any_more(self, shop, tree):
        shutil.rmtree(tree.root)

        done = shop.run("release", "--checkout", str(tree.root))

        assert done.code == 0
        assert leased().keys() == {str(shop.root)}

    def test_it_is_refused_while_its_services_listen(self, shop, tree):
        port = tree.port("queue")

        with server(port, at=tree.root):
            refused = shop.run("release", "--checkout", str(tree.root), "--json")
            kept = leased()
            forced = shop.run("release", "--checkout", str(tree.root), "--force")

        assert refused.code == 5
        assert f"queue ({port})" in refused.error["message"]
        assert "--force" in refused.error["hint"]
        assert str(tree.root) in kept
        assert forced.code == 0
        assert str(tree.root) not in leased()

    def test_a_dry_run_gives_nothing_up(self, shop, tree):
        done = shop.run("release", "--checkout", str(tree.root), "--dry-run")

        assert "would free" in done.err
        assert str(tree.root) in leased()

    def test_who_has_none_is_told_so(self, shop, tmp_path):
        done = shop.run("release", "--checkout", "../nowhere", "--json")

        assert done.code == 5
        assert str(tmp_path / "nowhere") in done.error["message"]
        assert "portconf leases" in done.error["hint"]

    @pytest.mark.parametrize("words", [(), ("web", "--checkout", ".")])
    def test_it_is_a_name_or_a_checkout(self, shop, words):
        done = shop.run("release", *words, "--json")

        assert done.code == 2
        assert done.error["code"] == "usage"

    def test_of_two_projects_one_or_both_can_be_given_up(self, shop):
        for name in ("one", "two"):
            shop.below(name).declare(declaration(free_ports(10)))
            shop.below(name).init()

        shop.run("release", "--checkout", "one")
        after_one = rows("SELECT project FROM leases")
        shop.run("release", "--checkout", ".")

        assert after_one == [(b"two",)]
        assert rows("SELECT project FROM leases") == []

    def test_the_ports_are_there_for_the_next_one(self, shop, base):
        shop.init()
        clone = shop.clone("../clone")
        assert clone.port() != base

        shop.run("release", "--checkout", str(shop.root))
        newcomer = shop.clone("../newcomer")

        assert newcomer.port() == base
        assert shop.port() != base  # by now it is another's


@pytest.mark.usefixtures("tree")
def test_a_registry_that_is_another_file_has_other_leases(shop, monkeypatch):
    other = Path(os.environ["HOME"]) / "other.sqlite3"

    monkeypatch.setenv("PORTCONF_REGISTRY", str(other))

    assert shop.run("leases", "--json").data["leases"] == []
    assert shop.run("release", "--checkout", ".").code == 5
    assert len(leased()) == 2
