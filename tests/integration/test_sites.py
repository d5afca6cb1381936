"""Which checkouts are of one repository, and where their services are reached."""

import json
import subprocess

from checkouts import PLAN, Checkout, declaration, free_ports, repository

from portconf import sites


def origin(shop: Checkout, url: object) -> None:
    shop.git("remote", "add", "origin", str(url))


def akin(shop: Checkout) -> list[str]:
    """Return the folders of the other checkouts that are found, and what is told."""
    found, notes = sites.others(str(shop.root), timeout=5)
    return [each.root for each in found if each.endpoints] + list(notes)


def test_worktrees_and_clones_are_of_one_repository(shop):
    fix, copy = shop.worktree("../fix"), shop.clone("../copy")
    for each in (shop, fix, copy):
        each.init()

    assert akin(shop) == [str(fix.root), str(copy.root)]
    assert akin(copy) == [str(shop.root), str(fix.root)]


def test_clones_of_one_address_are(tmp_path):
    one, two, other = (repository(tmp_path / n, free_ports(40)) for n in "abc")
    origin(one, "git@example.org:you/shop.git")
    origin(two, "git@example.org:you/shop.git")
    origin(other, "git@example.org:you/blog.git")
    for each in (one, two, other):
        each.init()

    assert akin(one) == [str(two.root)]


def test_bare_repositories_in_a_repository_around_them_are_not_one(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)  # somebody's dotfiles
    clones = []
    for name in ("one", "two"):
        bare = tmp_path / "git" / f"{name}.git"
        subprocess.run(["git", "init", "-q", "--bare", bare], check=True)
        clones.append(repository(tmp_path / name, free_ports(40)))
        origin(clones[-1], bare)
        clones[-1].init()

    assert akin(clones[0]) == []


def test_an_address_relative_to_different_folders_is_not_one(tmp_path):
    clones = [
        repository(tmp_path / name, free_ports(40)) for name in ("x/app", "y/blog")
    ]
    for each in clones:
        origin(each, "../up.git")
        each.init()

    assert akin(clones[0]) == []


def test_a_port_that_the_lease_does_not_hold_is_nobodys_to_tell_of(shop, base):
    fix = shop.worktree("../fix")
    shop.init()
    fix.init()
    plan = json.loads((fix.root / PLAN).read_text())
    plan["services"]["web"]["port"] = base + 100  # as another branch may have it
    plan["next_port"] = base + 101
    (fix.root / PLAN).write_text(json.dumps(plan))

    (told,) = akin(shop)

    assert told.startswith(f"{fix.root} is left out: its lease does not hold port ")


def test_a_shared_service_is_reached_where_the_main_checkout_has_it(tmp_path):
    base = free_ports(40)
    shop = repository(tmp_path / "shop", base)
    shop.declare(declaration(base, table="web = {}\ndb = {shared = true}"))
    shop.git("commit", "-qam", "shared")
    fix = shop.worktree("../fix")
    shop.init()
    fix.init()

    (found,), notes = sites.others(str(shop.root), timeout=5)

    assert notes == ()
    assert {each.name: each.shared for each in found.endpoints}["db"]


def test_what_another_checkout_declares_no_more_is_reached_nowhere(tmp_path):
    base = free_ports(40)
    shop = repository(tmp_path / "shop", base, "web", "old")
    shop.init()
    shop.git("add", "-A")
    shop.git("commit", "-qm", "plan")
    fix = shop.worktree("../fix")
    fix.declare(declaration(base, "web"))
    fix.init()

    (found,), _ = sites.others(str(shop.root), timeout=5)

    assert [each.name for each in found.endpoints] == ["web"]


def test_a_checkout_in_the_place_of_another_has_not_its_ports(shop):
    fix = shop.worktree("../fix")
    shop.init()
    fix.init()
    shop.git("worktree", "move", str(fix.root), str(fix.root.parent / "old"))
    shop.git("worktree", "add", "-q", str(fix.root), "-b", "other")

    (told,) = akin(shop)

    assert told == (
        f"{fix.root} is left out: another checkout was there when its ports were leased"
    )


def test_a_checkout_that_cannot_be_read_keeps_its_name(shop):
    fix = shop.worktree("../fix")
    shop.init()
    fix.init()
    fix.declare("[tool.portconf]\nservices = 1\n")

    (found,), (note,) = sites.others(str(shop.root), timeout=5)

    assert note.startswith(f"{fix.root} is left out: ")
    assert (found.branch, found.endpoints) == ("fix", ())


def test_a_copy_of_a_worktree_is_known_by_another_key(shop):
    fix = shop.worktree("../fix")
    copy = fix.copy("../copy")
    for each in (shop, fix, copy):
        each.init()

    found, _ = sites.others(str(shop.root), timeout=5)

    assert len({each.key for each in found}) == len(found) == 2


def test_the_family_is_one_from_whichever_checkout(shop):
    copy = shop.clone("../copy")
    for each in (shop, copy):
        each.init()

    def family(at: Checkout):
        run = at.run("export", "--format", "prometheus", "--output", "out", "--json")
        assert run.code == 0
        found = sites.others(str(at.root), timeout=5)[0]
        (other,) = found
        (mine,) = sites.others(other.root, timeout=5)[0]
        return sites.family(mine, found)

    assert family(shop) == family(copy)
    assert {each.project for each in family(shop)} == {"shop"}


def test_a_detached_head_is_no_branch(shop):
    fix = shop.worktree("../fix")
    fix.git("checkout", "-q", "--detach")
    shop.init()
    fix.init()

    (found,), _ = sites.others(str(shop.root), timeout=5)

    assert found.branch is None
