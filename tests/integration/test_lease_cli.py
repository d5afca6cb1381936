"""The lease on the command line: taken, moved, grown, explained, dropped, never stale."""

import os
import re
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest
from capability import needs
from checkouts import (
    PLAN,
    Checkout,
    declaration,
    free_ports,
    leased,
    registry,
    repository,
    rows,
    server,
)

from portconf import snapshot, sockets
from portconf.cli import hot


pytestmark = needs("git")


@pytest.fixture
def tree(shop) -> Checkout:
    """A linked worktree, without a lease, as the main checkout is."""
    found: Checkout = shop.worktree("../tree")
    return found


def small(first: int, blocks: int) -> str:
    """Return settings for an instance range of a few blocks of ten ports."""
    return f'instance-range = "{first}-{first + 10 * blocks - 1}"\nblock-size = 10'


class TestRelocate:
    """`init --relocate` moves a checkout to another block."""

    def test_it_moves_keeps_the_number_and_frees_the_old_block(self, tree):
        before = tree.init()

        after = tree.init("--relocate")

        assert after["block"] != before["block"]
        assert after["number"] == after["instance"] == before["number"]
        first = int(before["block"].partition("-")[0])
        assert not {*range(first, first + 100)} & {*leased()[str(tree.root)]}
        assert len(leased()[str(tree.root)]) == 100
        assert (
            f"WEB_PORT={after['services']['web']}\n" in (tree.root / ".env").read_text()
        )

    def test_what_it_left_is_the_next_ones(self, shop, tree):
        before = tree.init()["block"]
        tree.init("--relocate")

        assert shop.worktree("../other").init()["block"] == before

    def test_a_main_checkout_moves_away_and_comes_back(self, shop, base):
        shop.init()

        away = shop.init("--relocate")
        there = shop.ports()
        back = shop.init("--relocate")

        assert away["shift"] > 0
        assert away["instance"] == away["number"] > 0
        assert min(there.values()) == base + away["shift"]
        assert "relocate" in away["stepped_over"][0]["reason"]
        assert (back["shift"], back["instance"]) == (0, 0)
        assert [*shop.ports().values()] == [base, base + 1, base + 2]
        assert back["number"] == away["number"]

    def test_a_worktree_never_moves_to_the_plans_own_ports(self, tree):
        tree.init()

        leases = [tree.init("--relocate") for _ in range(3)]

        assert all(each["shift"] > 0 for each in leases)

    def test_a_main_checkout_does_not_come_back_while_another_is_there(self, shop):
        shop.init()
        clone = shop.clone("../clone")
        clone.init()

        after = clone.init("--relocate")

        assert after["shift"] > 0
        assert str(shop.root) in after["stepped_over"][0]["reason"]

    def test_a_dry_run_moves_nothing(self, tree):
        tree.init()
        before = leased()

        told = tree.run("init", "--relocate", "--dry-run")

        assert leased() == before
        assert "+WEB_PORT=" in told.out

    def test_it_says_what_it_did_and_why(self, tree):
        done = tree.run("init")

        lease = tree.lease()
        assert lease is not None
        assert (
            f"this checkout has the block {lease['block']} (instance"
            f" {lease['instance']}): every port is shifted by {lease['shift']}, because a"
            " linked worktree leaves the plan's own ports to the main checkout"
        ) in done.err


class TestGrowth:
    """A lease follows its plan without moving."""

    def test_adding_a_service_moves_nobody(self, tree):
        before = tree.init()
        ports = tree.ports()

        added = tree.run("add", "cache", "--json").data

        after = added["lease"]
        assert (after["block"], after["number"]) == (before["block"], before["number"])
        assert {**tree.ports(), **ports} == tree.ports()
        assert tree.port("cache") == tree.port("queue") + 1
        assert tree.port("cache") in leased()[str(tree.root)]

    def test_a_base_lease_takes_the_new_port_too(self, shop, base):
        shop.init()

        shop.run("add", "cache")

        assert leased()[str(shop.root)] == [*range(base, base + 4)]

    def test_a_base_lease_whose_next_port_is_anothers_cannot_grow(self, shop, base):
        other = repository(shop.root.with_name("other"), base + 3)
        other.init()
        shop.init()

        refused = shop.run("add", "cache", "--json")

        assert refused.code == 5
        assert refused.error["code"] == "lease_conflict"
        assert str(other.root) in refused.error["message"]
        assert "init --relocate" in refused.error["hint"]
        assert "cache" not in (shop.root / "pyproject.toml").read_text()
        assert leased()[str(shop.root)] == [*range(base, base + 3)]

    def test_a_released_service_gives_its_port_back(self, shop, base):
        shop.init()

        shop.run("release", "queue")

        assert leased()[str(shop.root)] == [base, base + 1]

    @pytest.fixture
    def crowded(self, tmp_path, base) -> tuple[Checkout, Checkout, int]:
        """A worktree in the first block of ten, and the range's first port."""
        first = free_ports(40)
        shop = repository(tmp_path / "crowded", base, settings=small(first, 4))
        tree = shop.worktree("../narrow")
        assert tree.init()["block"] == f"{first}-{first + 9}"
        return shop, tree, first

    def declare_many(self, tree: Checkout, base: int, first: int) -> None:
        many = [*("web", "db", "queue"), *(f"more-{n}" for n in range(12))]
        tree.declare(declaration(base, *many, settings=small(first, 4)))

    def test_more_services_than_the_block_has_make_it_longer_in_place(
        self, crowded, base
    ):
        _, tree, first = crowded
        before = tree.lease()
        self.declare_many(tree, base, first)

        after = tree.init()

        assert after["block"] == f"{first}-{first + 19}"
        assert before is not None
        assert (after["number"], after["shift"]) == (before["number"], before["shift"])
        assert tree.port("more-11") == first + 14
        assert leased()[str(tree.root)] == [*range(first, first + 20)]

    def test_where_somebody_is_behind_it_it_is_told_to_relocate(self, crowded, base):
        shop, tree, first = crowded
        behind = shop.worktree("../behind")
        behind.init()
        self.declare_many(tree, base, first)

        refused = tree.run("init", "--json")
        asked = tree.run("get", "web")
        moved = tree.init("--relocate")

        assert refused.code == 5
        assert str(behind.root) in refused.error["message"]
        assert "portconf init --relocate" in refused.error["hint"]
        assert asked.out == f"{first}\n"  # what it has, it keeps
        assert moved["block"] == f"{first + 20}-{first + 39}"
        assert tree.port("more-11") == first + 34

    def test_at_the_end_of_the_range_it_is_told_too(self, tmp_path, base):
        first = free_ports(20)
        shop = repository(tmp_path / "end", base, settings=small(first, 1))
        tree = shop.worktree("../tree-at-the-end")
        tree.init()
        many = ("web", "db", "queue", *(f"more-{n}" for n in range(12)))
        tree.declare(declaration(base, *many, settings=small(first, 1)))

        refused = tree.run("init", "--json")

        assert refused.code == 5
        assert "init --relocate" in refused.error["hint"]

    def test_a_gone_checkout_behind_it_gives_way(self, crowded, base):
        shop, tree, first = crowded
        behind = shop.worktree("../behind")
        behind.init()
        shop.git("worktree", "remove", "--force", str(behind.root))
        self.declare_many(tree, base, first)

        after = tree.init()

        assert after["block"] == f"{first}-{first + 19}"
        assert str(behind.root) not in leased()


class TestFixed:
    """`port = N` is one checkout's at a time."""

    @pytest.fixture
    def fixed(self, tmp_path, base) -> Checkout:
        found = repository(tmp_path / "fixed", base, "web", "admin")
        found.declare(self.table(base))
        found.init()
        found.git("commit", "-qam", "a fixed port")
        found.run("release", "--checkout", ".")
        return found

    @staticmethod
    def table(base: int) -> str:
        return declaration(base, table=f'web = ""\nadmin = {{ port = {base + 20} }}')

    def test_the_second_checkout_is_refused_and_told_who_has_it(self, fixed, base):
        fixed.init()
        tree = fixed.worktree("../second")

        refused = tree.run("init", "--json")

        assert refused.code == 5
        assert refused.error["code"] == "lease_conflict"
        assert refused.error["port"] == base + 20
        assert refused.error["holder"] == str(fixed.root)
        assert f"'portconf release --checkout {fixed.root}'" in refused.error["hint"]
        assert str(tree.root) not in leased()
        assert tree.run("get", "web").code == 5  # no number of somebody else's

    @pytest.mark.parametrize("how", ["release the lease", "declare it anew"])
    def test_after_the_first_gave_it_up_it_is_the_seconds(self, fixed, base, how):
        fixed.init()
        tree = fixed.worktree("../second")
        tree.run("init")

        if how == "release the lease":
            tree.run("release", "--checkout", str(fixed.root))
        else:
            fixed.run("release", "admin")
        lease = tree.init()

        assert lease["services"]["admin"] == base + 20
        assert lease["services"]["web"] == base + lease["shift"] != base
        assert base + 20 in leased()[str(tree.root)]

    def test_a_worktree_may_have_it_and_the_main_checkout_is_told(self, fixed):
        tree = fixed.worktree("../second")
        tree.init()

        refused = fixed.run("init", "--json")

        assert refused.code == 5
        assert refused.error["holder"] == str(tree.root)

    def test_whoever_listens_on_it_a_block_is_found(self, fixed, base):
        tree = fixed.worktree("../second")

        with server(base + 20, at=tree.root):
            lease = tree.init()

        assert lease["block"] is not None
        assert lease["services"]["admin"] == base + 20

    def test_a_relocated_checkout_keeps_it(self, fixed, base):
        fixed.init()

        lease = fixed.init("--relocate")

        assert lease["services"]["admin"] == base + 20
        assert lease["services"]["web"] == base + lease["shift"] != base


class TestShared:
    """`shared = true` is the main checkout's server, everywhere."""

    @pytest.fixture
    def sharing(self, tmp_path, base) -> Checkout:
        found = repository(tmp_path / "sharing", base, "web", "db")
        found.declare(declaration(base, table='web = ""\ndb = { shared = true }'))
        found.git("commit", "-qam", "a shared database")
        return found

    def test_every_checkout_has_one_port_for_it(self, sharing, base):
        sharing.init()
        tree, clone = sharing.worktree("../tree"), sharing.clone("../clone")

        ports = [each.ports() for each in (sharing, tree, clone)]

        assert [each["DB_PORT"] for each in ports] == [base + 1] * 3
        assert len({each["WEB_PORT"] for each in ports}) == 3

    def test_a_worktree_never_claims_it(self, sharing, base):
        tree = sharing.worktree("../tree")

        tree.init()

        assert base + 1 not in leased()[str(tree.root)]
        sharing.init()
        assert base + 1 in leased()[str(sharing.root)]

    def test_its_server_is_in_nobodys_way(self, sharing, base, tmp_path):
        tree = sharing.worktree("../tree")

        with server(base + 1, at=tmp_path):
            leases = [sharing.init(), tree.init()]
            guarded = [each.run("guard").code for each in (sharing, tree)]
            states = {
                row["service"]: row["state"]
                for row in tree.run("status", "--json").data["services"]
            }

        assert leases[0]["shift"] == 0
        assert guarded == [0, 0]
        assert states == {"web": "free", "db": "shared"}

    def test_a_foreign_server_on_a_port_of_ones_own_still_shifts(
        self, sharing, base, tmp_path
    ):
        with server(base, at=tmp_path):
            lease = sharing.init()

        assert lease["shift"] > 0
        assert sharing.port("db") == base + 1


class TestRange:
    """Where shifted blocks come from."""

    def test_one_that_reaches_into_the_kernels_is_refused_with_both_named(
        self, tmp_path, base
    ):
        kernel = sockets.ephemeral_range()
        if kernel is None:
            pytest.skip("needs a kernel that tells its range")
        mine = f"{kernel.first - 200}-{kernel.first + 99}"
        shop = repository(
            tmp_path / "shop", base, settings=f'instance-range = "{mine}"'
        )

        for each in (shop, shop.worktree("../tree")):
            refused = each.run("init", "--json")

            assert refused.code == 2
            assert mine in refused.error["message"]
            assert f"{kernel.first}-{kernel.last}" in refused.error["message"]
        assert leased() == {}

    def test_an_exhausted_one_is_told_with_what_to_do(self, tmp_path, base):
        first = free_ports(20)
        shop = repository(tmp_path / "shop", base, settings=small(first, 2))
        for name in ("one", "two"):
            shop.worktree(f"../{name}").init()
        third = shop.worktree("../three")

        refused = third.run("init", "--json")

        assert refused.code == 5
        assert refused.error["code"] == "blocks_exhausted"
        assert (refused.error["first"], refused.error["last"]) == (first, first + 19)
        assert "portconf gc" in refused.error["hint"]
        assert third.run("get", "web").code == 5
        assert leased().keys() == {str(shop.root.with_name(n)) for n in ("one", "two")}

    def test_a_plan_inside_of_it_is_left_to_the_main_checkout(self, tmp_path):
        first = free_ports(20)
        shop = repository(tmp_path / "shop", first, settings=small(first, 2))

        tree = shop.worktree("../tree").init()
        main = shop.init()

        assert tree["block"] == f"{first + 10}-{first + 19}"
        assert main["shift"] == 0


TAKING: dict[str, Callable[[Checkout], object]] = {
    "init": lambda each: each.run("init"),
    "get": lambda each: each.run("get", "web"),
    "export": lambda each: each.run("export"),
    "export --format sh": lambda each: each.run("export", "--format", "sh"),
    "guard": lambda each: each.run("guard"),
    "add": lambda each: each.run("add", "cache"),
}
LOOKING = [
    *("status", "status --json", "status --all", "check", "why web", "why web --json"),
    *("leases", "gc", "schema", "init --dry-run", "export --dry-run"),
    *("reset --dry-run", "add cache --dry-run", "release web --dry-run"),
]


@pytest.mark.parametrize("verb", TAKING)
def test_what_hands_a_number_out_takes_the_lease_first(tree, base, verb):
    TAKING[verb](tree)

    (held,) = leased().values()
    assert base not in held
    assert tree.port() in held


def test_no_number_of_the_plan_is_ever_printed_in_a_fresh_worktree(tree, base):
    told = tree.run("export", "--format", "sh").out + tree.run("get", "db").out

    assert f"={base}\n" not in told
    assert not {str(base + n) for n in range(4)} & {*re.findall(r"\d+", told)}


def test_what_only_looks_takes_no_lease(tree):
    made_it = []
    for words in LOOKING:
        tree.run(*words.split())
        if registry().parent.exists() or (tree.root / ".env").exists():
            made_it.append(words)

    assert made_it == []


def test_what_only_looks_leaves_the_registry_as_it_is(shop, tree):
    shop.init()
    before = (registry().read_bytes(), os.stat(registry()).st_mtime_ns)

    changed = []
    for words in LOOKING:
        tree.run(*words.split())
        if (registry().read_bytes(), os.stat(registry()).st_mtime_ns) != before:
            changed.append(words)

    assert changed == []


def test_status_shows_both_numbers_and_the_block(tree, base):
    lease = tree.init()

    data = tree.run("status", "--json").data
    shown = tree.run("status").out

    web = data["services"][0]
    assert (web["port"], web["assigned"]) == (base + lease["shift"], base)
    assert data["lease"] == lease
    assert f"{base + lease['shift']} ({base})" in shown


def test_status_without_a_lease_shows_no_number_as_ones_own(tree, base):
    data = tree.run("status", "--json").data

    assert data["lease"] is None
    assert [row["port"] for row in data["services"]] == [None] * 3
    assert [row["assigned"] for row in data["services"]] == [base, base + 1, base + 2]
    assert "no lease yet" in " ".join(data["notes"])


class TestWhy:
    """The whole chain, from the declaration to what was stepped over."""

    def test_a_shifted_port_is_traced_to_its_lease_and_what_was_in_the_way(
        self, shop, base
    ):
        shop.init()
        clone = shop.clone("../clone")
        lease = clone.init()

        told = clone.run("why", "db", "--json").data
        text = clone.run("why", "db").out

        assert (told["port"], told["assigned"]) == (base + 1 + lease["shift"], base + 1)
        assert told["lease"] == lease
        (stepped, *_) = told["lease"]["stepped_over"]
        assert (stepped["first"], stepped["last"]) == (base, base + 2)
        assert str(shop.root) in stepped["reason"]
        assert told["stored"]["file"] == PLAN
        exported = {place["file"] for place in told["exported"]}
        assert exported == {".env", ".env.compose", "port_exports.sh"}
        assert lease["block"] in text
        assert str(shop.root) in text

    def test_blocks_of_others_that_were_stepped_over_are_told(self, tmp_path, base):
        first = free_ports(20)
        shop = repository(tmp_path / "shop", base, settings=small(first, 2))
        one, two = shop.worktree("../one"), shop.worktree("../two")
        one.init()
        two.init()

        told = two.run("why", "web", "--json").data["lease"]["stepped_over"]
        text = two.run("why", "web").out

        assert [(each["first"], each["last"]) for each in told] == [
            (base, base + 2),
            (first, first + 9),
        ]
        assert str(one.root) in told[1]["reason"]
        assert f"{first}-{first + 9}" in text
        assert str(one.root) in text

    def test_what_was_in_the_way_is_still_told_when_it_has_gone(
        self, shop, base, tmp_path
    ):
        with server(base, at=tmp_path) as pid:
            shop.init()

        told = shop.run("why", "db", "--json").data

        assert f"pid {pid}" in told["lease"]["stepped_over"][0]["reason"]
        assert told["listens"] is None

    def test_who_listens_now_is_told(self, shop, base):
        shop.init()

        with server(base, at=shop.root) as pid:
            told = shop.run("why", "web", "--json").data

        assert (told["listens"]["pid"], told["listens"]["verdict"]) == (pid, "ours")

    def test_without_a_lease_there_is_no_number_of_ones_own(self, tree, base):
        told = tree.run("why", "web", "--json").data

        assert (told["port"], told["assigned"], told["lease"]) == (None, base, None)

    def test_a_main_checkout_has_the_plan_as_it_stands(self, shop, base):
        shop.init()

        told = shop.run("why", "web", "--json").data

        assert told["port"] == told["assigned"] == base
        assert told["lease"]["instance"] == 0
        assert told["lease"]["stepped_over"] == []


class TestReset:
    """`reset` drops the lease too."""

    def test_the_lease_is_gone_and_comes_back_with_init(self, tree):
        before = tree.init()

        done = tree.run("reset", "--yes")
        after_reset = leased()
        after = tree.init()

        assert done.code == 0
        assert after_reset == {}
        assert after["number"] > before["number"]
        assert after["block"] == before["block"]

    def test_it_is_refused_while_our_own_services_listen(self, tree):
        port = tree.init()["services"]["db"]

        with server(port, at=tree.root) as pid:
            refused = tree.run("reset", "--yes", "--json")
            kept = leased()
            forced = tree.run("reset", "--yes", "--force")

        assert refused.code == 3
        assert "'db'" in refused.error["message"]
        assert f"pid {pid}" in refused.error["message"]
        assert "--force" in refused.error["hint"]
        assert str(tree.root) in kept
        assert forced.code == 0
        assert leased() == {}

    def test_somebody_elses_server_is_no_reason(self, shop, base, tmp_path):
        shop.init()

        with server(base, at=tmp_path):
            done = shop.run("reset", "--yes")

        assert done.code == 0

    def test_others_keep_theirs(self, shop, tree):
        shop.init()
        tree.init()

        shop.run("reset", "--yes")

        assert leased().keys() == {str(tree.root)}


class TestHot:
    """What a snapshot answers is never what another command has made untrue."""

    @pytest.fixture(autouse=True)
    def _every_file_is_old(self, monkeypatch) -> None:
        """Snapshots are made of files that have rested for a while: do not wait."""
        monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))

    @pytest.fixture
    def ready(self, shop, tree) -> Checkout:
        """A worktree whose port a snapshot knows."""
        shop.init()
        tree.init()
        port = tree.port()
        assert known(tree) == f"{port}\n"
        found: Checkout = tree
        return found

    def right(self, each: Checkout) -> bool:
        """Tell whether the hot answer is the computed one, and is leased."""
        port = each.port()
        computed = each.run("-C", ".", "get", "web").out
        return f"{port}\n" == computed and port in leased()[str(each.root)]

    def test_after_another_gave_the_lease_up_and_somebody_else_has_the_ports(
        self, shop, ready
    ):
        before = ready.port()
        shop.run("release", "--checkout", str(ready.root))
        other = shop.worktree("../other")
        assert other.port() == before  # which were this one's

        assert known(ready) is None
        assert ready.port() != before
        assert self.right(ready)

    def test_after_it_moved_to_another_block(self, ready):
        before = ready.port()
        ready.init("--relocate")

        assert known(ready) != f"{before}\n"
        assert ready.port() != before
        assert self.right(ready)

    def test_after_the_registry_was_deleted(self, shop, ready):
        before = ready.port()
        for path in registry().parent.iterdir():
            path.unlink()
        other = shop.worktree("../other")
        assert other.port() == before  # nobody knows better

        assert known(ready) is None
        assert ready.port() != before
        assert self.right(ready)

    def test_with_another_registry(self, shop, ready, monkeypatch, tmp_path):
        before = ready.port()
        monkeypatch.setenv("PORTCONF_REGISTRY", str(tmp_path / "other.sqlite3"))
        other = shop.worktree("../other")
        assert other.port() == before  # they do not know of each other

        assert known(ready) is None
        assert ready.port() != before
        monkeypatch.delenv("PORTCONF_REGISTRY")
        assert ready.port() == before

    def test_with_the_registry_off_it_is_not_asked(self, ready, base, monkeypatch):
        monkeypatch.setenv("PORTCONF_REGISTRY", "off")

        assert known(ready) is None
        assert ready.port() == base

    def test_with_another_state_folder(self, shop, ready, monkeypatch, tmp_path):
        before = ready.port()
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        other = shop.worktree("../other")
        assert other.port() == before

        assert known(ready) is None
        assert ready.port() != before
        assert self.right(ready)

    def test_in_a_moved_worktree_it_is_the_same_number(self, ready):
        before = ready.port()

        moved = ready.moved("../moved")

        assert known(moved) is None
        assert moved.port() == before
        assert self.right(moved)

    def test_in_a_copy_it_is_another_number(self, ready):
        before = ready.port()

        copy = ready.copy("../copy")

        assert known(copy) is None
        assert copy.port() != before
        assert self.right(copy)
        assert self.right(ready)

    def test_in_a_copy_of_a_main_checkout_too(self, shop, base):
        shop.init()
        assert shop.port() == base
        assert known(shop) == f"{base}\n"

        copy = shop.copy("../copy")

        assert known(copy) is None
        assert self.right(copy)
        assert copy.port() != base

    def test_after_a_change_of_somebody_elses_lease_it_is_the_same(self, shop, ready):
        before = ready.port()

        shop.worktree("../other").init()

        assert ready.port() == before
        assert known(ready) == f"{before}\n"


def known(each: Checkout, *words: str) -> str | None:
    """Return what the snapshot says, or None where it does not know."""
    with chdir(each.root):
        return hot.answer([*(words or ("get", "web"))])


CHANGES: dict[str, Callable[[Checkout], object]] = {
    "no .env": lambda each: (each.root / ".env").unlink(),
    "another .env": lambda each: append(each.root / ".env", "# mine\n"),
    "no .env.compose": lambda each: (each.root / ".env.compose").unlink(),
    "another .env.compose": lambda each: append(each.root / ".env.compose", "A=1\n"),
    "no exports": lambda each: (each.root / "port_exports.sh").unlink(),
    "another script": lambda each: append(each.root / "port_exports.sh", "x=1\n"),
    "a link": lambda each: link(each.root / ".env"),
    "another .gitignore": lambda each: append(each.root / ".gitignore", "*.o\n"),
    "no .gitignore": lambda each: (each.root / ".gitignore").unlink(),
    "another declaration": lambda each: append(each.root / "pyproject.toml", "# x\n"),
    "another plan": lambda each: append(each.root / PLAN, " \n"),
    "no plan": lambda each: (each.root / PLAN).unlink(),
    "a file that git tracks": lambda each: each.git("add", "-f", ".env"),
    "another lease": lambda each: each.run("release", "--checkout", "."),
    "no registry": lambda _: registry().unlink(),
}


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def link(path: Path) -> None:
    """Put a link in the place of a file; the content stays."""
    inside = path.with_name("inside")
    path.rename(inside)
    path.symlink_to(inside)
    append(path, "")


class TestNothingToDo:
    """An `init` that has nothing to do is answered from the snapshot."""

    @pytest.fixture(autouse=True)
    def _every_file_is_old(self, monkeypatch) -> None:
        """Snapshots are made of files that have rested for a while: do not wait."""
        monkeypatch.setattr(snapshot, "SETTLED_NS", -(10**15))

    @pytest.fixture
    def settled(self, shop) -> Checkout:
        """A main checkout in which `init` has nothing to do, and knows it."""
        shop.run("init", "--gitignore")
        shop.run("init")
        assert known(shop, "init") == ""
        found: Checkout = shop
        return found

    def test_it_says_so_and_writes_nothing(self, settled):
        before = {p: p.stat().st_mtime_ns for p in settled.root.rglob("*")}

        done = settled.run("init")

        assert (done.code, done.out) == (0, "")
        assert done.err == "portconf: nothing to do, all files are up to date\n"
        assert {p: p.stat().st_mtime_ns for p in settled.root.rglob("*")} == before

    @pytest.mark.parametrize("change", CHANGES)
    def test_any_change_makes_it_do_its_work(self, settled, base, change):
        CHANGES[change](settled)

        assert known(settled, "init") is None
        done = settled.run("init")
        assert done.code == 0
        assert settled.port() == base
        assert leased()[str(settled.root)] == [base, base + 1, base + 2]
        assert settled.run("check").code == 0
        for name in (".env", ".env.compose", "port_exports.sh", PLAN):
            assert str(base) in (settled.root / name).read_text()

    @pytest.mark.parametrize("words", ["--relocate", "--force", "--dry-run", "--json"])
    def test_an_option_is_not_answered_so(self, settled, words):
        assert known(settled, "init", words) is None

    def test_a_warning_is_repeated_every_time(self, shop):
        shop.run("init")  # nothing is ignored

        again = [shop.run("init").err for _ in range(2)]

        assert all("git does not ignore .env" in each for each in again)

    def test_a_worktree_has_it_too(self, shop):
        shop.run("init", "--gitignore")
        shop.git("add", ".gitignore")
        shop.git("commit", "-qm", "ignored")
        tree = shop.worktree("../tree")
        tree.run("init")
        tree.run("init")

        assert known(tree, "init") == ""
        shop.run("release", "--checkout", str(tree.root))
        assert known(tree, "init") is None


def test_a_number_is_never_given_to_two_leases(tree):
    numbers = []
    for _ in range(3):
        numbers.append(tree.init()["number"])
        tree.run("release", "--checkout", ".")

    assert len({*numbers}) == 3
    assert rows("SELECT count(*) FROM leases") == [(0,)]
