"""Which checkout a folder lies in, read from what git keeps in it."""

import os
from pathlib import Path

import pytest

from portconf import checkout
from portconf.checkout import Checkout


COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def main(root: Path, *, head: str = "ref: refs/heads/main", config: str = "") -> Path:
    """Lay a main checkout out as git does; return its git directory."""
    return git_dir(root / ".git", head=head, config=config)


def git_dir(
    path: Path, *, head: str = "ref: refs/heads/main", config: str = ""
) -> Path:
    path.mkdir(parents=True)
    (path / "HEAD").write_text(f"{head}\n")
    (path / "config").write_text(config or "[core]\n\tbare = false\n")
    return path


def linked(root: Path, common: Path, *, named: str | None = None) -> Path:
    """Lay a linked worktree out as git does; return its git directory."""
    own = common / "worktrees" / root.name
    own.mkdir(parents=True)
    (own / "HEAD").write_text(f"ref: refs/heads/{root.name}\n")
    (own / "commondir").write_text("../..\n")
    (own / "gitdir").write_text(f"{root / '.git'}\n")
    root.mkdir(parents=True)
    (root / ".git").write_text(f"gitdir: {named or own}\n")
    return own


def found(folder: Path) -> Checkout:
    known = checkout.find(str(folder))
    assert known is not None
    return known


def test_a_main_checkout_is_known_by_its_git_folder(tmp_path):
    shop = tmp_path / "shop"
    own = main(shop)
    (shop / "src" / "deep").mkdir(parents=True)

    known = found(shop / "src" / "deep")

    assert known == Checkout(root=str(shop), git_dir=str(own), linked=False)
    assert known.has_main
    assert (known.name, known.branch) == ("shop", "main")
    assert known.common_dir == str(own)


def test_a_linked_worktree_is_known_by_its_own_git_directory(tmp_path):
    common = main(tmp_path / "shop")
    own = linked(tmp_path / "tree", common)

    known = found(tmp_path / "tree")

    assert known == Checkout(root=str(tmp_path / "tree"), git_dir=str(own), linked=True)
    assert known.has_main
    assert (known.name, known.branch) == ("shop", "tree")
    assert known.common_dir == str(common)


def test_a_relative_git_file_is_followed_from_its_folder(tmp_path):
    own = linked(
        tmp_path / "trees" / "tree",
        main(tmp_path / "shop"),
        named="../../shop/.git/worktrees/tree",
    )

    assert found(tmp_path / "trees" / "tree").git_dir == str(own)


def test_a_git_directory_behind_a_link_has_its_real_name(tmp_path):
    own = git_dir(tmp_path / "store")
    (tmp_path / "link").symlink_to(own)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / ".git").write_text(f"gitdir: {tmp_path / 'link'}\n")

    known = found(tmp_path / "shop")

    assert (known.git_dir, known.linked) == (str(own), False)


def test_a_submodule_is_a_main_checkout_of_its_own(tmp_path):
    outer = main(tmp_path / "outer")
    own = git_dir(outer / "modules" / "inner")
    (tmp_path / "outer" / "inner").mkdir()
    (tmp_path / "outer" / "inner" / ".git").write_text(
        "gitdir: ../.git/modules/inner\n"
    )

    known = found(tmp_path / "outer" / "inner")

    assert known.root == str(tmp_path / "outer" / "inner")
    assert (known.git_dir, known.linked, known.name) == (str(own), False, "inner")


def test_the_innermost_checkout_counts(tmp_path):
    common = main(tmp_path / "shop")
    linked(tmp_path / "shop" / ".worktrees" / "tree", common)

    assert found(tmp_path / "shop" / ".worktrees" / "tree").linked
    assert not found(tmp_path / "shop" / ".worktrees").linked


def test_a_folder_that_does_not_exist_lies_where_it_would(tmp_path):
    main(tmp_path / "shop")

    assert found(tmp_path / "shop" / "not" / "there").root == str(tmp_path / "shop")


def test_no_git_is_no_checkout(tmp_path):
    assert checkout.find(str(tmp_path)) is None


@pytest.mark.parametrize("elsewhere", ["/nowhere", "../nowhere"])
def test_a_git_file_that_names_nothing_is_still_a_border(tmp_path, elsewhere):
    main(tmp_path / "shop")
    tree = tmp_path / "shop" / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {elsewhere}/.git/worktrees/tree\n")

    known = found(tree)

    assert known == Checkout(root=str(tree), git_dir=None, linked=True)
    assert known.common_dir is None
    assert known.has_main  # so that it never takes the base block
    assert (known.name, known.branch) == ("tree", None)


def test_a_submodule_whose_git_directory_is_missing_is_no_worktree(tmp_path):
    (tmp_path / ".git").write_text("gitdir: ../.git/modules/inner\n")

    assert found(tmp_path).linked is False


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage\n", b"gitdir", b"\xff\xfe\n", b"\0" * 40],
    ids=["empty", "garbage", "cut off", "no text", "zeros"],
)
def test_a_spoilt_git_file_is_a_border_too(tmp_path, content):
    """A power loss leaves such files; which worktree it was is not known."""
    main(tmp_path / "shop")
    tree = tmp_path / "shop" / "tree"
    tree.mkdir()
    (tree / ".git").write_bytes(content)

    known = found(tree)

    assert known == Checkout(root=str(tree), git_dir=None, linked=True)


def test_a_nul_in_a_git_file_is_no_error(tmp_path):
    (tmp_path / ".git").write_bytes(b"gitdir: a\0b\n")

    assert found(tmp_path).git_dir is None


def test_a_named_pipe_is_passed_by_and_does_not_hang(tmp_path):
    main(tmp_path / "shop")
    inner = tmp_path / "shop" / "inner"
    inner.mkdir()
    os.mkfifo(inner / ".git")

    assert found(inner).root == str(tmp_path / "shop")


def test_a_path_with_lines_and_bytes_is_read_as_it_is(tmp_path):
    shop = tmp_path / os.fsdecode(b"two\nlines \xe9")
    own = linked(tmp_path / "tree", main(shop), named="-")
    (tmp_path / "tree" / ".git").write_bytes(b"gitdir: " + os.fsencode(own) + b"\n")

    assert found(tmp_path / "tree").git_dir == str(own)


@pytest.mark.parametrize(
    ("head", "branch"),
    [
        ("ref: refs/heads/fix/one", "fix/one"),
        (COMMIT, "4b825dc642"),
        ("", None),
    ],
)
def test_the_branch_is_what_head_says(tmp_path, head, branch):
    main(tmp_path / "shop", head=head)

    assert found(tmp_path / "shop").branch == branch


@pytest.mark.parametrize(
    ("folder", "name"),
    [("shop.git", "shop"), ("shop/.bare", "shop"), ("shop/.git", "shop"), ("x", "x")],
)
def test_a_worktree_has_the_name_of_its_repository(tmp_path, folder, name):
    common = git_dir(tmp_path / folder, config="[core]\n\tbare = true\n")
    linked(tmp_path / "tree", common)

    known = found(tmp_path / "tree")

    assert known.name == name
    assert known.has_main is False


@pytest.mark.parametrize(
    ("config", "bare"),
    [
        ("[core]\n\tbare = true\n", True),
        ("[core]\n\tbare = false\n", False),
        ("[CORE]\n\tBare=yes\n", True),
        ("[core]\n\trepositoryformatversion = 0\n\tbare = 1\n[remote]\n", True),
        ('[core]\n\tfilemode = true\n[x "y"]\n\tbare = true\n', False),
        ("[core]\n\tnotbare = true\n", False),
        ("[core]\n\t# bare = true\n", False),
        ("[core]\n\tbare = true # as we like it\n", True),
        ("[core]\n\tbare\n", True),
        ("[core]\n\teditor = vi\n[user]\n[core]\n\tbare = true\n", True),
        ("[core]\n\tbare = true\n\tbare = false\n", False),
        ("", False),
    ],
)
def test_whether_there_is_a_main_checkout_is_what_the_configuration_says(
    tmp_path, config, bare
):
    common = git_dir(tmp_path / "shop.git", config=config or "\n")
    linked(tmp_path / "tree", common)

    assert found(tmp_path / "tree").has_main is not bare


def test_a_bare_repository_with_a_configuration_for_each_worktree(tmp_path):
    common = git_dir(
        tmp_path / "shop.git", config="[extensions]\n\tworktreeConfig = true\n"
    )
    (common / "config.worktree").write_text("[core]\n\tbare = true\n")
    linked(tmp_path / "tree", common)

    assert found(tmp_path / "tree").has_main is False


def test_without_a_configuration_there_is_a_main_checkout(tmp_path):
    common = git_dir(tmp_path / "shop.git")
    (common / "config").unlink()
    linked(tmp_path / "tree", common)

    assert found(tmp_path / "tree").has_main is True


def test_a_worktree_in_another_folder_than_git_knows_is_a_copy_or_was_moved(tmp_path):
    own = linked(tmp_path / "tree", main(tmp_path / "shop"))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / ".git").write_text(f"gitdir: {own}\n")

    assert [found(tmp_path / name).is_copy for name in ("tree", "copy", "shop")] == [
        False,
        True,
        False,
    ]


def test_a_worktree_that_git_knows_by_a_relative_path_is_no_copy(tmp_path):
    own = linked(tmp_path / "tree", main(tmp_path / "shop"))
    (own / "gitdir").write_text("../../../../tree/.git\n")

    assert not found(tmp_path / "tree").is_copy
