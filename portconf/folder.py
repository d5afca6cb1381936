"""Which files are a project's own, and where their content is."""

import os
from dataclasses import dataclass
from typing import Self

from portconf import checkout
from portconf.errors import FileConflictError


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """
    The folder of a project, as it stands at the time of one command.

    Attributes:
        root: The folder, as a real path.
        fence: The folder that no file of the project may lie outside of: the
            checkout's, where there is one.
        git_dir: The checkout's git directory, or None.
    """

    root: str
    fence: str
    git_dir: str | None

    @classmethod
    def at(cls, root: str) -> Self:
        """Look at the folder ``root``, a real path."""
        within = checkout.find(root)
        return cls(
            root=root,
            fence=within.root if within else root,
            git_dir=within.git_dir if within else None,
        )

    def contains(self, path: str) -> bool:
        """Tell whether a real path lies in the checkout, or in one inside of it."""
        return os.path.commonpath([path, self.fence]) == self.fence

    def holds(self, path: str) -> bool:
        """
        Tell whether a real path is one of the checkout's own files.

        Not those of git, and not those of a checkout that lies inside this one.
        """
        if not self.contains(path):
            return False
        if self.git_dir is None:
            return True
        inner = checkout.find(os.path.dirname(path))
        # Two systems of three take .GIT for .git.
        in_git = f"{os.sep}.git{os.sep}" in path.lower()
        in_git = in_git or os.path.commonpath([path, self.git_dir]) == self.git_dir
        return inner is not None and inner.root == self.fence and not in_git

    def file(self, name: str) -> "File":
        """Return the file of that name, relative to the folder."""
        return File(folder=self, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """
    A file of a project, which need not exist.

    Attributes:
        folder: The project's folder.
        name: Relative to it, with '/', as messages show it.
    """

    folder: Folder
    name: str

    @property
    def path(self) -> str:
        """Where the file is, links not followed."""
        return os.path.join(self.folder.root, self.name)

    def target(self) -> str:
        """
        Follow links to where the content is.

        Raises:
            FileConflictError: If that lies outside the checkout (where there is
                none: outside the project).
        """
        if not self._linked():
            return self.path
        real = os.path.realpath(self.path)
        if not self.folder.holds(real):
            # Worktrees often link .env to the main checkout's: writing through the
            # link would move the other checkout's ports.
            raise FileConflictError(
                f"{self.name} is a link that leads out of the checkout, to {real}",
                path=self.name,
                hint=f"replace the link by a file of this checkout's own: rm {self.name}",
            )
        return real

    def _linked(self) -> bool:
        """Tell whether a link lies on the way from the folder, itself real."""
        path = self.folder.root
        for part in self.name.split("/"):
            path = os.path.join(path, part)
            if os.path.islink(path):
                return True
        return False
