"""The files that decide what the hot commands answer, with their fingerprints."""

import os
from collections.abc import Iterable, Sequence

from portconf import exports, snapshot
from portconf.folder import Folder
from portconf.settings import GITIGNORE, PYPROJECT, Settings


Seen = Sequence[tuple[str, "snapshot.Fingerprint | None"]]


def inputs(root: str, settings: Settings, registry: Iterable[str]) -> Seen:
    """
    Return the files from which the ports of a project follow.

    Args:
        root: The project's folder.
        settings: Its declaration.
        registry: The files of its registry.
    """
    names = (PYPROJECT, settings.assignments)
    return _seen([*(os.path.join(root, name) for name in names), *registry])


def outputs(root: str, settings: Settings) -> Seen:
    """Return the files that decide, with the inputs, if `init` has work to do."""
    folder = Folder.at(root)
    names = [target.name for target in exports.targets(settings)]
    paths = [folder.file(name).path for name in (*names, GITIGNORE)]
    if folder.git_dir:  # which of them git tracks
        paths.append(os.path.join(folder.git_dir, "index"))
    return _seen(paths)


def _seen(paths: Iterable[str]) -> Seen:
    return [(path, snapshot.fingerprint(path)) for path in paths]
