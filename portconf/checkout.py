"""
Which checkout a folder lies in, and what git says of files in it.

The identity is read from the `.git` file or folder without running git, which would
refuse another user's checkout and cost more than all the rest of a command.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass


_BRANCH = "ref: refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """
    One working tree of a repository.

    Attributes:
        root: Its folder, as a real path.
        git_dir: Its own git directory, as a real path: for a linked worktree the one
            below the main checkout's `.git/worktrees`. None where `.git` names a
            folder that is not there, as after the main checkout was moved.
        linked: Whether it is a linked worktree, and not the main checkout.
    """

    root: str
    git_dir: str | None
    linked: bool = False

    @property
    def common_dir(self) -> str | None:
        """The git directory that all worktrees of the repository share."""
        if self.git_dir is None:
            return None
        named = _content(os.path.join(self.git_dir, "commondir"))
        return os.path.realpath(os.path.join(self.git_dir, named or "."))

    @property
    def has_main(self) -> bool:
        """Whether the repository has a main checkout: a bare one has none."""
        if not self.linked or self.common_dir is None:
            return True
        # The second is read where extensions.worktreeConfig is set.
        return not any(
            _says_bare(os.path.join(self.common_dir, name))
            for name in ("config", "config.worktree")
        )

    @property
    def is_copy(self) -> bool:
        """Whether git knows this linked worktree in another folder: `cp -r`, or `mv`."""
        known = self.git_dir and _content(os.path.join(self.git_dir, "gitdir"))
        if not (self.linked and self.git_dir and known):
            return False
        there = os.path.join(self.git_dir, known)  # relative where git was told so
        return os.path.realpath(os.path.dirname(there)) != self.root

    @property
    def name(self) -> str:
        """The repository's name, for people: that of the main checkout's folder."""
        folder = self.common_dir if self.linked and self.common_dir else self.root
        if os.path.basename(folder) in (".git", ".bare"):
            folder = os.path.dirname(folder)
        return os.path.basename(folder).removesuffix(".git") or folder

    def repository(self) -> frozenset[str]:
        """
        Return by what its repository is known: two checkouts of it share one of them.

        The git directory that its worktrees share, and where it was cloned from: an
        address, or a git directory on this disk. Empty where git says nothing.
        """
        told = _git(self.root, "config", "-z", "--get", "remote.origin.url")
        origin = "".join(told)
        # git takes for an address what has a colon before the first slash (git-clone).
        if origin and ":" not in origin.partition("/")[0]:
            place = os.path.realpath(os.path.join(self.root, origin))
            there = find(place)
            # Not the repository around it: a bare one may lie in somebody's dotfiles.
            same = there is not None and there.root == place
            origin = (same and there and there.common_dir) or place
        return frozenset({self.common_dir or "", origin}) - {""}

    @property
    def detached(self) -> bool:
        """Whether it is on no branch, as in the middle of a rebase."""
        return not self._head.startswith(_BRANCH)

    @property
    def branch(self) -> str | None:
        """The branch it is on, or the beginning of the commit; None where unknown."""
        if self.detached:
            return self._head[:10] or None
        return self._head.removeprefix(_BRANCH)

    @property
    def _head(self) -> str:
        return _content(os.path.join(self.git_dir or self.root, "HEAD")) or ""


def find(folder: str) -> Checkout | None:
    """
    Return the innermost checkout that holds ``folder``, or None.

    Args:
        folder: A real path; it need not exist.
    """
    here = folder
    while True:
        found = _checkout(here)
        if found:
            return found
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _checkout(folder: str) -> Checkout | None:
    """Read `.git` in ``folder``, which is a folder or, as in worktrees, a file."""
    path = os.path.join(folder, ".git")
    if os.path.isdir(path):
        return Checkout(root=folder, git_dir=os.path.realpath(path))
    if not os.path.isfile(path):  # also a named pipe, which git does not take either
        return None
    label, _, named = (_content(path) or "").partition(":")
    # Relative since git 2.48 where worktree.useRelativePaths is set.
    git_dir = os.path.join(folder, named.strip())
    try:
        # Any folder can be named there; git's has a HEAD.
        if label == "gitdir" and os.path.isfile(os.path.join(git_dir, "HEAD")):
            git_dir = os.path.realpath(git_dir)
            linked = os.path.isfile(os.path.join(git_dir, "commondir"))
            return Checkout(root=folder, git_dir=git_dir, linked=linked)
    except ValueError:  # a NUL in it
        pass
    # It is no part of the checkout around it: a worktree inside of a main checkout that
    # was moved, or whose file a power loss spoilt, would else take the main one's ports.
    # A submodule has its place in `modules`; a worktree of one, below that.
    _, modules, inner = git_dir.replace(os.sep, "/").rpartition("/modules/")
    linked = not modules or "/worktrees/" in inner
    return Checkout(root=folder, git_dir=None, linked=linked)


def _content(path: str) -> str | None:
    """Return what one of git's small files says, or None; a path may have lines."""
    if not os.path.isfile(path):  # opening a named pipe would hang
        return None
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(8192).rstrip("\n")
    except OSError:
        return None


def _says_bare(path: str) -> bool:
    """Tell whether a git configuration sets core.bare."""
    import re  # noqa: PLC0415 - few repositories are asked

    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return False
    section, bare = "", False
    for line in text.lower().splitlines():
        head = re.match(r"\s*\[([^\]]*)\]", line)
        section = head[1].strip() if head else section
        rest = line[head.end() :] if head else line
        found = re.match(r"\s*bare\s*(?:=\s*\"?(\w*)\"?\s*)?(?:[#;]|$)", rest)
        if (
            found and section == "core"
        ):  # a name without a value is true; the last counts
            bare = found[1] in (None, "true", "yes", "on", "1")
    return bare


def tracked(root: str, paths: Iterable[str]) -> tuple[str, ...]:
    """
    Return those of ``paths`` that git tracks.

    Args:
        root: A folder of the checkout.
        paths: Relative to ``root``.

    Returns:
        In the order of ``paths``; empty where git is missing or refuses.
    """
    wanted = tuple(paths)
    listed = _git(root, "ls-files", "-z", "--", *wanted)
    return tuple(path for path in wanted if path in listed)


def unignored(root: str, paths: Iterable[str]) -> tuple[str, ...]:
    """
    Return those of ``paths`` that git would add: neither tracked nor ignored.

    Args:
        root: A folder of the checkout.
        paths: Relative to ``root``; the files need not exist.

    Returns:
        In the order of ``paths``; empty where git is missing or refuses.
    """
    wanted = tuple(paths)
    if not _git(root, "rev-parse", "--git-dir"):
        return ()
    asked = b"".join(os.fsencode(path) + b"\0" for path in wanted)
    kept_out = {*_git(root, "check-ignore", "-z", "--stdin", asked=asked)}
    kept_out |= {*tracked(root, wanted)}
    return tuple(path for path in wanted if path not in kept_out)


def _git(root: str, *words: str, asked: bytes = b"") -> tuple[str, ...]:
    """Return the NUL-separated words that git prints; none where it fails."""
    import shutil  # noqa: PLC0415 - only `init` asks git, and start-up counts
    import subprocess  # noqa: PLC0415

    program = shutil.which("git")
    if program is None:
        return ()
    # A checkout's own configuration may name programs to run: not for our questions.
    command = [program, "-C", root, "-c", "core.fsmonitor=false", *words]
    # Inside a hook git sets GIT_DIR and GIT_INDEX_FILE, which outrank -C.
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            command,
            input=asked,
            capture_output=True,
            check=False,
            timeout=10,
            env=clean,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(os.fsdecode(word) for word in done.stdout.split(b"\0") if word)
