"""Whether a checkout is confirmed gone: what is doubtful is kept."""

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from portconf import presence, sockets
from portconf.registry.values import Anchors, Holder, Lease


HERE = "net:[1]"


@pytest.fixture
def tree(tmp_path) -> Lease:
    """The lease of a linked worktree that is there."""
    root = tmp_path / "trees" / "tree"
    git_dir = tmp_path / "shop" / ".git" / "worktrees" / "tree"
    root.mkdir(parents=True)
    git_dir.mkdir(parents=True)
    return lease(root, git_dir, linked=True)


def lease(root: Path, checkout: Path, *, linked: bool = False) -> Lease:
    holder = Holder(
        namespace=HERE,
        checkout=str(checkout),
        project="",
        root=str(root),
        name="shop",
        linked=linked,
    )
    return Lease(
        number=3,
        holder=holder,
        ports={20000: "web", 20001: "db", 20002: ""},
        anchors=presence.anchors(holder),
    )


def why(known: Lease, *, listening: Collection[int] = ()) -> str | None:
    return presence.why_kept(known, namespace=HERE, listening=listening)


def removed(*paths: str) -> None:
    for path in paths:
        os.rmdir(path)


def test_what_is_there_is_kept(tree):
    assert why(tree) == f"{tree.holder.root} is there"


def test_a_worktree_that_git_still_lists_is_kept(tree):
    removed(tree.holder.root)

    assert "git worktree prune" in (why(tree) or "")


def test_a_worktree_that_git_has_forgotten_is_kept_while_its_folder_is_there(tree):
    removed(tree.holder.checkout)

    assert why(tree) == f"{tree.holder.root} is there"


def test_a_worktree_is_gone_when_its_folder_is_and_git_has_forgotten_it(tree):
    removed(tree.holder.root, tree.holder.checkout)

    assert why(tree) is None


def test_the_folders_that_git_tidies_up_with_it_are_no_doubt(tree):
    removed(tree.holder.root, tree.holder.checkout)
    removed(os.path.dirname(tree.holder.checkout), os.path.dirname(tree.holder.root))

    assert why(tree) is None


def test_a_broken_link_is_there(tree, tmp_path):
    removed(tree.holder.root, tree.holder.checkout)
    os.symlink(tmp_path / "nowhere", tree.holder.root)

    assert why(tree) == f"{tree.holder.root} is there"


def test_a_file_where_a_folder_was_above_it_is_no_doubt(tree):
    removed(tree.holder.root, tree.holder.checkout)
    trees = os.path.dirname(tree.holder.root)
    removed(trees)
    Path(trees).write_text("now a file")

    assert why(tree) is None


def test_what_somebody_still_listens_on_is_kept_and_named(tree):
    removed(tree.holder.root, tree.holder.checkout)

    assert why(tree, listening={20001}) == "somebody still listens on 20001 (db)"


def test_a_listener_on_a_port_that_no_service_uses_is_no_reason(tree):
    removed(tree.holder.root, tree.holder.checkout)

    assert why(tree, listening={20002, 4000}) is None


def test_a_lease_of_another_network_is_kept_whatever_is_gone(tree):
    removed(tree.holder.root, tree.holder.checkout)
    container = replace(tree, holder=replace(tree.holder, namespace="net:[2]"))

    assert "another network namespace" in (why(container) or "")


@pytest.mark.parametrize("part", ["root", "checkout"])
def test_what_may_be_on_a_drive_that_is_away_is_kept(tree, part):
    """Its folder is there, but is another one than the drive's."""
    removed(tree.holder.root, tree.holder.checkout)
    path = getattr(tree.holder, part)
    drive = os.path.dirname(path)
    above = os.lstat(drive).st_ino
    # The first folder of every ext4 has the same inode: the drive must differ alone.
    other = [os.statvfs(drive).f_fsid + 1, above]
    away = replace(tree, anchors={**tree.anchors, path: {drive: other}})

    reason = why(away)

    assert reason == (
        f"{path} is missing, but so may be its drive: {drive} is not what it was"
    )


def test_what_was_never_anchored_is_kept(tree):
    removed(tree.holder.root, tree.holder.checkout)

    assert "so may be its drive" in (why(replace(tree, anchors={})) or "")


def test_the_anchors_are_the_folders_above_with_drive_and_inode(tree, tmp_path):
    found: Anchors = presence.anchors(tree.holder)

    assert found.keys() == {tree.holder.root, tree.holder.checkout}
    above = found[tree.holder.root]
    drive = os.statvfs(tmp_path).f_fsid
    assert above[str(tmp_path)] == [drive, os.stat(tmp_path).st_ino]
    trees = tmp_path / "trees"
    assert above[str(trees)] == [drive, os.stat(trees).st_ino]
    assert tree.holder.root not in above


def test_the_anchors_end_where_the_drive_does():
    """What is mounted above stays when the drive goes, and proves nothing."""
    shared = Path("/dev/shm")  # noqa: S108 - looked at, not written
    if not shared.is_dir() or shared.stat().st_dev == Path("/").stat().st_dev:
        pytest.skip("needs a second file system")
    holder = replace(_nobody(), root=str(shared / "shop"), checkout=str(shared))

    found = presence.anchors(holder)

    assert found[str(shared / "shop")] == {}  # it is not there
    assert "/" not in found[str(shared)]


def _nobody() -> Holder:
    return Holder(namespace=HERE, checkout="/a", project="", root="/a", name="a")


def test_only_the_gone_are_gone(tree, tmp_path):
    shop = lease(tmp_path / "shop", tmp_path / "shop" / ".git")
    mine = replace(shop, number=7, holder=_here(shop.holder))
    gone = replace(tree, number=8, holder=_here(tree.holder))
    removed(tree.holder.root, tree.holder.checkout)

    assert presence.gone((mine, gone)) == {8}
    assert [reason is None for _, reason in presence.judged((mine, gone))] == [
        False,
        True,
    ]


def _here(holder: Holder) -> Holder:
    return replace(holder, namespace=sockets.namespace())
