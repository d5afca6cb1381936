"""
Which checkout a folder lies in, and what git says of files in it.

The identity is read from the `.git` file or folder without running git, which would
refuse another user's checkout and cost more than all the rest of a command.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """
    One working tree of a repository.

    Attributes:
        root: Its folder, as a real path.
        git_dir: Its own git directory, as a real path: for a linked worktree the one
            below the main checkout's `.git/worktrees`.
    """

    root: str
    git_dir: str


def find(folder: str) -> Checkout | None:
    """
    Return the innermost checkout that holds ``folder``, or None.

    A `.git` that names no existing folder counts as none.

    Args:
        folder: A real path; it need not exist.
    """
    here = folder
    while True:
        git_dir = _git_dir(here)
        if git_dir:
            return Checkout(root=here, git_dir=git_dir)
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _git_dir(folder: str) -> str | None:
    """Resolve `.git` in ``folder``, which is a folder or, as in worktrees, a file."""
    path = os.path.join(folder, ".git")
    if os.path.isdir(path):
        return os.path.realpath(path)
    if not os.path.isfile(path):  # opening a named pipe would hang
        return None
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            label, _, named = file.read(8192).partition(":")
        # Relative since git 2.48 where worktree.useRelativePaths is set.
        git_dir = os.path.realpath(os.path.join(folder, named.strip()))
    except (OSError, ValueError):  # ValueError: a NUL in it
        return None
    # Any folder can be named there; git's has a HEAD.
    named_by_git = label == "gitdir" and os.path.isfile(os.path.join(git_dir, "HEAD"))
    return git_dir if named_by_git else None


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
