"""Every checkout of a repository has ports of its own: real git, real worktrees."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from capability import needs
from checkouts import (
    PLAN,
    Checkout,
    declaration,
    free_ports,
    leased,
    repository,
    rows,
    server,
)


pytestmark = needs("git")
FORTY = 40
DEFAULT_RANGE = 'instance-range = "20000-29999"'
# Each in a process of its own, which waits for the last one to be there.
AT_ONCE = """
import json, os, sys
from portconf.cli import main
main(["-C", sys.argv[1], "init", "--dry-run"])  # loads what an init needs, once
gate, starter = os.pipe()
pids = []
for root in sys.argv[1:]:
    pids.append(os.fork())
    if pids[-1] == 0:
        code = 70
        try:
            os.close(starter)
            os.read(gate, 1)
            os.chdir(root)
            code = main(["init"])
        finally:
            os._exit(code)
os.close(starter)
print()
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]))
"""
CANNOT_MOUNT = 77
# Mounts are this process's own, and gone with it.
MOUNTING = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
UNMOUNTED = f"""
mount -t tmpfs none drive || exit {CANNOT_MOUNT}
git clone -q shop drive/clone
"$1" -m portconf -C drive/clone init
"$1" -m portconf -C drive/clone get web
mount --move drive "$2"
"$1" -m portconf -C shop gc
"$1" -m portconf -C shop init
"$1" -m portconf -C shop get web
mount --move "$2" drive
"$1" -m portconf -C drive/clone get web
"""


def disjoint(*checkouts: Checkout) -> bool:
    """Tell whether no two have a port in common, by the database."""
    held = leased()
    ports = [port for each in checkouts for port in held[str(each.root)]]
    return len(ports) == len(set(ports)) > 0


def test_forty_worktrees_at_once_have_forty_blocks_and_keep_them(tmp_path):
    seven = [f"service-{number}" for number in range(7)]
    base = free_ports(7)
    shop = repository(tmp_path / "shop", base, *seven, settings=DEFAULT_RANGE)
    trees = [shop.worktree(f"../w{number}") for number in range(FORTY)]

    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, *(each.root for each in trees)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = shop.init()  # the main checkout comes last

    assert json.loads(done.stdout.splitlines()[-1]) == [0] * FORTY, done.stderr
    held = leased()
    assert disjoint(*trees, shop)
    assert all(len(held[str(each.root)]) == 100 for each in trees)
    assert held[str(shop.root)] == [*range(base, base + 7)]
    assert (told["instance"], told["shift"]) == (0, 0)
    instances = {number for (number,) in rows("SELECT number FROM leases")}
    assert len(instances) == FORTY + 1

    for each in (shop, *reversed(trees)):  # again, in another order
        (each.root / ".env").unlink()
        assert each.run("init").code == 0

    assert leased() == held

    gone, left = trees[::2], trees[1::2]
    for each in gone:
        shop.git("worktree", "remove", "--force", str(each.root))
    swept = shop.run("gc", "--json").data

    assert {each["folder"] for each in swept["freed"]} == {str(x.root) for x in gone}
    assert len(swept["kept"]) == FORTY // 2 + 1
    assert leased() == {str(each.root): held[str(each.root)] for each in (shop, *left)}
    assert all(each.port("service-0") in held[str(each.root)] for each in left)


def test_a_worktree_leaves_the_base_block_to_a_main_checkout_that_never_ran(shop, base):
    first, second = shop.worktree("../first"), shop.worktree("../second")

    leases = [first.init(), second.init()]

    assert all(each["shift"] > 0 and each["instance"] > 0 for each in leases)
    assert not {*range(base, base + 10)} & {
        p for held in leased().values() for p in held
    }
    assert [*shop.ports().values()] == [base, base + 1, base + 2]


def test_every_port_of_a_worktree_is_shifted_by_the_same_amount(shop, base):
    tree = shop.worktree("../tree")
    shop.init()

    lease = tree.init()

    shift = lease["shift"]
    assert [*tree.ports().values()] == [base + n + shift for n in range(3)]
    exported = (tree.root / ".env").read_text()
    assert f"WEB_PORT={base + shift}\n" in exported
    assert (tree.root / PLAN).read_bytes() == (shop.root / PLAN).read_bytes()


@pytest.mark.parametrize("inside", ["../tree", ".worktrees/tree", "src/tree"])
def test_a_worktree_has_a_block_wherever_it_lies(shop, base, inside):
    tree = shop.worktree(inside)

    tree.init()
    shop.init()

    assert disjoint(tree, shop)
    assert shop.port() == base
    assert tree.port() != base
    assert tree.below("src/deep").port() == tree.port()


def test_a_moved_worktree_keeps_its_ports_and_its_number(shop):
    tree = shop.worktree("../tree")
    before = tree.init()

    moved = tree.moved("../elsewhere")
    after = moved.init()

    assert (after["number"], after["shift"]) == (before["number"], before["shift"])
    assert after["folder"] == str(moved.root)
    assert leased().keys() == {str(moved.root)}


def test_a_worktree_moved_by_git_keeps_its_ports(shop):
    tree = shop.worktree("../tree")
    before = tree.port()

    shop.git("worktree", "move", str(tree.root), str(tree.root.with_name("moved")))

    assert Checkout(tree.root.with_name("moved")).port() == before


def test_a_worktree_moved_to_another_depth_and_repaired_keeps_its_ports(shop):
    tree = shop.worktree("../tree")
    before = tree.port()

    tree.root.with_name("deep").mkdir()
    moved = tree.moved("../deep/tree")
    shop.git("worktree", "repair", str(moved.root))

    assert moved.port() == before


@pytest.mark.parametrize("original_first", [True, False])
def test_a_copied_worktree_has_other_ports_than_its_original(shop, original_first):
    tree = shop.worktree("../tree")
    before = tree.port() if original_first else None

    copy = tree.copy("../copy")
    theirs = copy.port()
    ours = tree.port()

    assert before in (None, ours)
    assert ours != theirs
    assert disjoint(tree, copy)
    assert (tree.port(), copy.port()) == (ours, theirs)


def test_a_copy_keeps_its_ports_when_its_original_goes(shop):
    tree = shop.worktree("../tree")
    tree.init()
    copy = tree.copy("../copy")
    before = copy.port()

    shop.git("worktree", "remove", "--force", str(tree.root))
    swept = shop.run("gc", "--json").data

    assert [each["folder"] for each in swept["freed"]] == [str(tree.root)]
    assert copy.port() == before


def test_a_copied_main_checkout_has_a_block(shop, base):
    shop.init()

    copy = shop.copy("../copy")
    lease = copy.init()

    assert lease["shift"] > 0
    assert str(shop.root) in lease["stepped_over"][0]["reason"]
    assert shop.port() == base


def test_a_clone_is_shifted_as_a_whole_by_one_amount(shop, base):
    shop.init()

    clone = shop.clone("../clone")
    lease = clone.init()

    moved = [port - lease["shift"] for port in clone.ports().values()]
    assert moved == [base, base + 1, base + 2]
    assert disjoint(shop, clone)
    assert str(shop.root) in lease["stepped_over"][0]["reason"]


def test_a_foreign_listener_on_one_port_shifts_the_whole(shop, base, tmp_path):
    with server(base + 1, at=tmp_path) as pid:
        lease = shop.init()

    assert lease["shift"] > 0
    assert [port - lease["shift"] for port in shop.ports().values()] == [
        base + n for n in range(3)
    ]
    reason = lease["stepped_over"][0]["reason"]
    assert f"{base + 1} (db)" in reason
    assert f"pid {pid}" in reason
    assert str(tmp_path) in reason


def test_a_silent_holder_of_one_port_shifts_the_whole(shop, base, tmp_path):
    with server(base + 1, at=tmp_path, does="bind"):
        lease = shop.init()

    assert lease["shift"] > 0
    assert f"{base + 1} (db)" in lease["stepped_over"][0]["reason"]


def test_our_own_server_on_the_plans_port_shifts_nothing(shop, base):
    with server(base + 1, at=shop.root):
        lease = shop.init()

    assert lease["shift"] == 0


@pytest.mark.parametrize("does", ["listen", "bind"])
def test_a_block_with_a_needed_port_in_use_is_stepped_over(tmp_path, base, does):
    first = free_ports(40)
    shop = Checkout(tmp_path / "shop")
    shop.root.mkdir()
    shop.git("init", "-q")
    settings = f'instance-range = "{first}-{first + 39}"\nblock-size = 20'
    shop.commit(base, settings=settings)
    tree = shop.worktree("../tree")

    with server(first + 2, at=tmp_path, does=does):
        lease = tree.init()

    assert lease["block"] == f"{first + 20}-{first + 39}"
    assert {"web": first + 20, "db": first + 21, "queue": first + 22} == lease[
        "services"
    ]


def test_a_port_of_a_block_that_no_service_uses_is_nobodys_obstacle(tmp_path, base):
    first = free_ports(40)
    shop = Checkout(tmp_path / "shop")
    shop.root.mkdir()
    shop.git("init", "-q")
    settings = f'instance-range = "{first}-{first + 39}"\nblock-size = 20'
    shop.commit(base, settings=settings)
    tree = shop.worktree("../tree")

    with server(first + 9, at=tmp_path):
        lease = tree.init()

    assert lease["block"] == f"{first}-{first + 19}"


class TestBare:
    """A repository that has worktrees only."""

    @pytest.fixture
    def bare(self, shop) -> Checkout:
        made = Checkout(shop.root.with_name("shop.git"))
        shop.git("clone", "-q", "--bare", str(shop.root), str(made.root))
        return made

    def test_the_first_worktree_that_asks_has_the_base_block(self, bare, base):
        one, two = bare.worktree("../one"), bare.worktree("../two")

        leases = [two.init(), one.init()]

        assert [each["shift"] > 0 for each in leases] == [False, True]
        assert two.port() == base
        assert disjoint(one, two)

    def test_a_worktree_may_lie_in_the_bare_repository(self, bare, base):
        one, two = bare.worktree("one"), bare.worktree("two")

        ports = [one.port(), two.port()]

        assert ports[0] == base != ports[1]

    def test_a_git_folder_named_bare_is_as_good(self, shop, tmp_path):
        folder = Checkout(tmp_path / "folder")
        folder.root.mkdir()
        shop.git("clone", "-q", "--bare", str(shop.root), str(folder.root / ".bare"))
        (folder.root / ".git").write_text("gitdir: ./.bare\n")

        one = folder.worktree("one")
        lease = one.init()

        assert lease["shift"] == 0
        assert lease["project"] == "folder"

    def test_it_stays_the_firsts_until_it_is_gone(self, bare, base):
        one, two = bare.worktree("../one"), bare.worktree("../two")
        one.init()
        before = two.port()

        bare.git("worktree", "remove", "--force", str(one.root))
        three = bare.worktree("../three")

        assert three.port() == base
        assert two.port() == before


class TestSubmodule:
    """A project in a repository within a repository."""

    @pytest.fixture
    def outer(self, shop, tmp_path) -> Checkout:
        made = Checkout(tmp_path / "outer")
        made.root.mkdir()
        made.git("init", "-q", "-b", "main")
        made.git("submodule", "--quiet", "add", str(shop.root), "inner")
        made.git("commit", "-qm", "with a submodule")
        return made

    def test_it_is_a_checkout_of_its_own(self, outer, base):
        inner = outer.below("inner")
        outer.declare(declaration(base))

        leases = [outer.init(), inner.init()]

        assert [each["shift"] > 0 for each in leases] == [False, True]
        assert leases[1]["folder"] == str(inner.root)
        assert leases[1]["linked"] is False

    def test_it_may_have_the_base_block(self, outer, base):
        assert outer.below("inner").port() == base

    def test_in_a_worktree_of_the_outer_one_it_has_other_ports(self, outer, base):
        tree = outer.worktree("../tree")
        tree.git("submodule", "--quiet", "update", "--init")
        outer.below("inner").init()

        inner = tree.below("inner")

        assert inner.port() != base
        assert disjoint(outer.below("inner"), inner)


class TestSubfolders:
    """Two projects in one repository."""

    @pytest.fixture
    def projects(self, tmp_path, base) -> tuple[Checkout, Checkout, Checkout]:
        other = free_ports(10)
        mono = repository(tmp_path / "mono", base)
        mono.git("rm", "-qr", "pyproject.toml", "config")
        shop, docs = mono.below("apps/shop"), mono.below("docs")
        shop.declare(declaration(base))
        docs.declare(declaration(other))
        mono.git("add", ".")
        mono.git("commit", "-qm", "two projects")
        return mono, shop, docs

    def test_each_has_a_lease_of_its_own(self, projects):
        _, shop, docs = projects

        leases = [shop.init(), docs.init()]

        assert [each["shift"] for each in leases] == [0, 0]
        assert [each["project"] for each in leases] == ["mono/apps/shop", "mono/docs"]
        assert [each["folder"] for each in leases] == [str(shop.root), str(docs.root)]

    def test_in_a_worktree_each_has_a_block_of_its_own(self, projects):
        mono, shop, _ = projects
        tree = mono.worktree("../tree")
        shop.init()

        leases = [tree.below("apps/shop").init(), tree.below("docs").init()]

        assert all(each["shift"] > 0 for each in leases)
        assert leases[0]["block"] != leases[1]["block"]
        ports = [port for held in leased().values() for port in held]
        assert len(ports) == len(set(ports))

    def test_of_two_with_one_base_port_the_second_is_shifted(self, projects, base):
        _, shop, docs = projects
        docs.declare(declaration(base))

        leases = [shop.init(), docs.init()]

        assert [each["shift"] > 0 for each in leases] == [False, True]
        assert str(shop.root) in leases[1]["stepped_over"][0]["reason"]


class TestMovedMain:
    """The main checkout was moved, and with it every worktree's git directory."""

    @pytest.fixture
    def moved(self, shop) -> tuple[Checkout, Checkout, int]:
        """The main checkout where it is now, a worktree, and the worktree's port."""
        tree = shop.worktree("../tree")
        shop.init()
        before = tree.port()
        return shop.moved("../moved"), tree, before

    def test_it_has_the_base_block_again(self, moved, base):
        main, _, _ = moved

        lease = main.init()

        assert lease["shift"] == 0
        assert main.port() == base
        assert rows("SELECT count(*) FROM leases WHERE first IS NULL") == [(1,)]

    def test_while_its_server_runs_the_old_lease_is_kept(self, shop, base):
        shop.init()

        with server(base, at=shop.root):
            moved = shop.moved("../moved")
            lease = moved.init()

        assert lease["shift"] > 0

    def test_its_worktrees_keep_their_ports_before_and_after_the_repair(self, moved):
        main, tree, before = moved

        broken = tree.port()
        main.git("worktree", "repair", str(tree.root))
        repaired = tree.port()

        assert (broken, repaired) == (before, before)
        assert len(rows("SELECT * FROM leases WHERE linked")) == 1

    def test_a_repaired_worktree_keeps_them_also_when_it_moves(self, moved):
        main, tree, before = moved
        tree.init()
        main.git("worktree", "repair", str(tree.root))
        tree.init()

        assert tree.moved("../tree-moved").port() == before

    def test_a_worktree_that_was_not_asked_meanwhile_keeps_them_too(self, moved):
        main, tree, before = moved

        main.git("worktree", "repair", str(tree.root))

        assert tree.port() == before

    def test_a_worktree_inside_of_it_never_has_its_ports(self, shop, base):
        tree = shop.worktree(".worktrees/tree")
        shop.init()
        before = tree.port()

        main = shop.moved("../moved")
        inner = Checkout(main.root / ".worktrees" / "tree")  # its .git file is wrong

        assert inner.init()["shift"] > 0
        assert main.port() == base
        assert inner.port() not in range(base, base + 10)
        main.git("worktree", "repair", str(inner.root))
        assert inner.port() not in range(base, base + 10)
        assert before not in range(base, base + 10)


class TestGone:
    """Leases of worktrees that were removed, in this way or that."""

    def test_the_next_worktree_at_the_same_place_goes_on_with_the_lease(self, shop):
        tree = shop.worktree("../tree")
        before = tree.init()
        shop.git("worktree", "remove", "--force", str(tree.root))
        shop.git("branch", "-qD", "tree")

        again = shop.worktree("../tree").init()

        assert again["number"] >= before["number"]
        assert len(leased()) == 1

    def test_one_that_git_still_lists_is_kept_until_it_is_pruned(self, shop):
        tree = shop.worktree("../tree")
        tree.init()
        shutil.rmtree(tree.root)

        listed = shop.run("gc", "--json").data
        shop.git("worktree", "prune")
        pruned = shop.run("gc", "--json").data

        assert (listed["freed"], len(listed["kept"])) == ([], 1)
        assert "git worktree prune" in listed["kept"][0]["reason"]
        assert [each["folder"] for each in pruned["freed"]] == [str(tree.root)]
        assert leased() == {}

    def test_a_clone_that_is_deleted_is_freed(self, shop):
        shop.init()
        clone = shop.clone("../clone")
        clone.init()

        shutil.rmtree(clone.root)
        swept = shop.run("gc", "--json").data

        assert [each["folder"] for each in swept["freed"]] == [str(clone.root)]
        assert leased().keys() == {str(shop.root)}

    def test_the_base_block_of_a_deleted_checkout_goes_to_who_needs_it(
        self, shop, base
    ):
        shop.init()
        clone = shop.clone("../clone")
        before = clone.port()
        shutil.rmtree(shop.root)

        newcomer = clone.clone("../newcomer")

        assert newcomer.port() == base
        assert clone.port() == before  # a lease is kept as it is
        assert str(shop.root) not in leased()

    def test_a_block_of_a_deleted_checkout_goes_to_who_needs_it(self, tmp_path, base):
        first = free_ports(10)
        settings = f'instance-range = "{first}-{first + 9}"\nblock-size = 10'
        shop = repository(tmp_path / "shop", base)
        shop.commit(base, settings=settings)
        shop.init()
        one = shop.clone("../one")
        assert one.port() == first
        two = shop.clone("../two")
        assert two.run("init").code == 5

        shutil.rmtree(one.root)

        assert two.port() == first
        assert leased().keys() == {str(shop.root), str(two.root)}

    def test_a_checkout_on_a_drive_that_is_not_mounted_is_kept(self, shop, base):
        drive, away = shop.below("../drive"), shop.below("../away")

        done = subprocess.run(
            [*MOUNTING, "sh", "-ec", UNMOUNTED, "sh", sys.executable, away.root],
            cwd=drive.root.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        if done.returncode == CANNOT_MOUNT:
            pytest.skip(f"may not mount a file system: {done.stderr}")
        assert done.returncode == 0, done
        assert "kept" in done.stderr
        assert "drive is not what it was" in done.stderr
        assert "freed" not in done.stderr
        assert done.stdout.split() == [str(base), str(shop.port()), str(base)]
        assert shop.port() != base

    def test_a_checkout_whose_folder_above_was_made_anew_is_gone(self, shop):
        above = shop.below("../above")
        shop.clone("../above/clone").init()

        shutil.rmtree(above.root)
        above.root.mkdir()
        swept = shop.run("gc", "--json").data

        assert len(swept["freed"]) == 1


class TestWithoutGit:
    """Folders that no git knows."""

    def test_a_folder_is_known_by_its_path(self, tmp_path, base):
        one, two = Checkout(tmp_path / "one"), Checkout(tmp_path / "two")
        for each in (one, two):
            each.root.mkdir()
            each.declare(declaration(base))

        leases = [one.init(), two.init()]

        assert [each["shift"] > 0 for each in leases] == [False, True]
        assert leases[0]["linked"] is False
        assert [one.port(), two.port()] == [base, base + leases[1]["shift"]]

    def test_a_link_to_a_folder_is_the_folder(self, tmp_path, base):
        one = Checkout(tmp_path / "one")
        one.root.mkdir()
        one.declare(declaration(base))
        one.init()
        (tmp_path / "link").symlink_to(one.root)

        port = Checkout(tmp_path / "link").port()

        assert port == base
        assert len(leased()) == 1

    def test_a_git_directory_elsewhere_is_what_a_checkout_is_known_by(
        self, tmp_path, base
    ):
        apart = Checkout(tmp_path / "apart")
        apart.root.mkdir()
        apart.git("init", "-q", f"--separate-git-dir={tmp_path / 'store'}")
        apart.declare(declaration(base))
        before = apart.init()

        moved = apart.moved("../moved")  # its .git file names an absolute path

        assert before["shift"] == 0
        assert moved.port() == base
        assert rows("SELECT checkout FROM leases") == [
            (os.fsencode(tmp_path / "store"),)
        ]

    def test_a_broken_git_file_is_no_part_of_the_checkout_around_it(self, shop, base):
        inner = shop.below("inner")
        (inner.root / ".git").write_text("gitdir: /nowhere/.git/worktrees/inner\n")
        inner.declare(declaration(base))

        lease = inner.init()

        assert lease["shift"] > 0
        assert shop.port() == base

    @pytest.mark.parametrize("content", ["", "garbage\n"])
    def test_a_spoilt_git_file_is_no_part_of_the_checkout_around_it(
        self, shop, content
    ):
        """As after a power loss, in a worktree inside of the main checkout."""
        tree = shop.worktree(".worktrees/tree")
        (tree.root / ".git").write_text(content)

        tree.init()
        main = shop.init()

        assert main["shift"] == 0
        assert tree.lease()["folder"] == str(tree.root)
        assert rows("SELECT count(*) FROM leases WHERE length(project) > 0") == [(0,)]

    def test_a_named_pipe_as_git_file_does_not_hang(self, shop, base):
        inner = shop.below("inner")
        os.mkfifo(inner.root / ".git")
        inner.declare(declaration(base))

        done = inner.run("init")

        assert done.code == 0

    def test_a_relative_git_file_is_followed(self, shop):
        tree = shop.worktree("../tree")
        before = tree.init()
        (tree.root / ".git").write_text("gitdir: ../shop/.git/worktrees/tree\n")

        after = tree.init()

        assert after["number"] == before["number"]
        assert len(leased()) == 1

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_another_users_checkout_is_a_checkout(self, shop):
        tree = shop.worktree("../tree")
        for path in (
            shop.root,
            *shop.root.rglob("*"),
            tree.root,
            *tree.root.rglob("*"),
        ):
            os.chown(path, 65534, 65534)  # git itself would now refuse

        leases = [tree.init(), shop.init()]

        assert [each["shift"] > 0 for each in leases] == [True, False]
        assert [each["linked"] for each in leases] == [True, False]
