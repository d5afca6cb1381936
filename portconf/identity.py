"""By which key the registry knows a checkout: moved, copied, with git or without."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portconf import sockets
from portconf.checkout import Checkout, find
from portconf.folder import Folder
from portconf.registry.protocol import Registry
from portconf.registry.values import Holder, Lease


if TYPE_CHECKING:
    from portconf.registry.protocol import Table


def holder(folder: Folder, within: Checkout | None) -> Holder:
    """
    Return who a project is on this machine, known by its git directory if it has one.

    Args:
        folder: The project's folder.
        within: The checkout that holds it, or None.
    """
    root = within.root if within else folder.root
    project = os.path.relpath(folder.root, root).replace(os.sep, "/")
    name = within.name if within else os.path.basename(root)
    return Holder(
        namespace=sockets.namespace(),
        checkout=(within and within.git_dir) or root,
        project="" if project == "." else project,
        root=root,
        name=name if project == "." else f"{name}/{project}",
        linked=bool(within and within.linked),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    A checkout as the registry knows it.

    Attributes:
        holder: Who asks, by the right key.
        kept: The lease that it has, or None.
        base: Whether it may have the plan as it stands.
    """

    holder: Holder
    kept: Lease | None
    base: bool

    @property
    def succeeds(self) -> frozenset[int]:
        """The lease that is its own also where it stands under another key."""
        return frozenset({self.kept.number} if self.kept else ())


def known(holder: Holder, within: Checkout | None, registry: Registry) -> Known:
    """
    Return a checkout as the registry knows it.

    A linked worktree copied with `cp -r` names the git directory of its original: as
    long as that is there, the copy is known by its own folder. Where a lease names a
    git directory that is not there any more, but the very folder, the main checkout
    was moved: the lease is still this folder's.

    Args:
        holder: Who asks.
        within: Its checkout, or None.
        registry: Where its lease is, if it has one.

    Raises:
        RegistryError: If the registry is refused.
    """
    space, part, root = holder.namespace, holder.project, holder.root

    def rule(table: "Table") -> tuple[Lease | None, Lease | None, tuple[Lease, ...]]:
        return (
            table.find(space, holder.checkout, part),
            table.find(space, root, part),
            table.at(space, root, part),
        )

    by_key, by_folder, here = registry.read(rule)
    base = within is None or not within.linked or not within.has_main
    copied = by_key is not None and _elsewhere(by_key, root)
    if copied or (by_folder and by_folder != by_key):
        if copied or within is None or within.is_copy or by_key:
            by_root = replace(holder, checkout=root)
            return Known(holder=by_root, kept=by_folder, base=base)
        # It had no git directory for a while: `git worktree repair` gave it one.
        return Known(holder=holder, kept=by_folder, base=base)
    lost = (each for each in here if not os.path.lexists(each.holder.checkout))
    return Known(holder=holder, kept=by_key or next(lost, None), base=base)


def _elsewhere(lease: Lease, root: str) -> bool:
    """Tell whether the checkout of a lease is where it was, and not in ``root``."""
    before = lease.holder
    there = find(before.root) if before.root != root else None
    return bool(
        there and there.root == before.root and there.git_dir == before.checkout
    )
