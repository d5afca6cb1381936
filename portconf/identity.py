"""By which key the registry knows a checkout: moved, copied, with git or without."""

import os
from dataclasses import replace
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


def known(
    holder: Holder, within: Checkout | None, registry: Registry
) -> tuple[Holder, frozenset[int]]:
    """
    Return who asks by the right key, and the leases that are its under another.

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
    if by_key and _elsewhere(by_key, root):
        return replace(holder, checkout=root), frozenset()
    if by_folder and by_folder != by_key:
        if within is None or within.is_copy or by_key:
            return replace(holder, checkout=root), frozenset()
        # It had no git directory for a while: `git worktree repair` gave it one.
        return holder, frozenset({by_folder.number})
    if by_key:
        return holder, frozenset({by_key.number})
    lost = (each for each in here if not os.path.lexists(each.holder.checkout))
    return holder, frozenset(each.number for each in lost)


def _elsewhere(lease: Lease, root: str) -> bool:
    """Tell whether the checkout of a lease is where it was, and not in ``root``."""
    before = lease.holder
    there = find(before.root) if before.root != root else None
    return bool(
        there and there.root == before.root and there.git_dir == before.checkout
    )
