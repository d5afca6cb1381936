"""What git makes of the generated files, which are each checkout's own."""

import re

from portconf import checkout, files
from portconf.folder import Folder
from portconf.reports import FileChange
from portconf.settings import GITIGNORE


def notes(root: str, names: list[str], *, added: bool) -> tuple[str, ...]:
    """
    Return warnings about generated files that git tracks or does not ignore.

    Args:
        root: The project's folder.
        names: The generated files, relative to it.
        added: Whether lines for them were just added to `.gitignore`.
    """
    tracked = checkout.tracked(root, names)
    found = [
        f"git tracks {name}, which differs from checkout to checkout:"
        f" git rm --cached {name}"
        for name in tracked
    ]
    loose = () if added else checkout.unignored(root, names)
    if loose:
        found.append(
            f"git does not ignore {', '.join(loose)}: 'portconf init --gitignore'"
            f" adds the lines to {GITIGNORE}"
        )
    return tuple(found)


def lines(folder: Folder, names: list[str]) -> tuple[FileChange, ...]:
    """
    Return the change of `.gitignore` that makes git ignore the generated files.

    Args:
        folder: The project's folder.
        names: The generated files, relative to it.

    Raises:
        StoreError: If `.gitignore` cannot be read.
    """
    old = files.read(folder.file(GITIGNORE))
    before = old or b""
    there = set(before.decode(errors="replace").splitlines())
    unignored = checkout.unignored(folder.root, names)
    loose = [name for name in unignored if f"/{_literal(name)}" not in there]
    if not loose:
        return ()
    newline = b"\r\n" if b"\r\n" in before else b"\n"
    gap = newline if before and not before.endswith(b"\n") else b""
    added = b"".join(b"/" + _literal(name).encode() + newline for name in loose)
    return (FileChange(name=GITIGNORE, before=old, after=before + gap + added),)


def _literal(name: str) -> str:
    """Return the pattern that matches a name and nothing else."""
    return re.sub(r"([\\*?\[ ])", r"\\\1", name)
