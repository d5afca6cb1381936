"""The checkouts of one repository on this machine, with their endpoints."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from portconf import checkout, declaration, identity, machine
from portconf.addressing.zones import in_order
from portconf.checkout import Checkout
from portconf.decisions import Standing
from portconf.errors import ConfigError, PortconfError
from portconf.folder import Folder
from portconf.model import Plan
from portconf.registry.values import Holder, Lease
from portconf.views import Site


def here(standing: Standing, plan: Plan) -> Site:
    """Return the checkout of a project, with the lease that the standing has."""
    folder, lease = standing.folder, standing.lease
    holder = (
        lease.holder if lease else identity.holder(folder, checkout.find(folder.root))
    )
    site = _site(holder, folder.root, lease.instance if lease else 0)
    # What a run has ends with it, and is not to take the checkout's place.
    key = f"{site.key}#{lease.run}" if lease and lease.run else site.key
    return replace(site, key=key, endpoints=standing.endpoints(plan))


def others(root: str, *, timeout: float) -> tuple[tuple[Site, ...], tuple[str, ...]]:
    """
    Return the other checkouts of a project's repository that have a lease, by number.

    Each is read as it is declared there: another branch may have other services.

    Args:
        root: The project's folder.
        timeout: Seconds to wait for other commands.

    Returns:
        Them, and a sentence for each one that could not be read, which is told of
        without endpoints.

    Raises:
        RegistryError: If the registry is refused.
    """
    within = checkout.find(root)
    if within is None:
        return (), ()
    mine = identity.holder(Folder.at(root), within)
    known = cache(within.repository)  # git is asked once, and only if need be
    found, notes = [], []
    for lease in _leases(timeout):
        holder = lease.holder
        same = (holder.namespace, holder.project) == (mine.namespace, mine.project)
        if not same or holder.folder == root:
            continue
        theirs = checkout.find(holder.root)
        if theirs is None or theirs.root != holder.root:
            continue
        worktree = within.common_dir and within.common_dir == theirs.common_dir
        if not worktree and not known() & theirs.repository():
            continue
        try:
            found.append(_there(lease, theirs))
        except PortconfError as error:
            # Without services, but a name that it has is no other's.
            found.append(_site(holder, holder.folder, lease.instance))
            notes.append(f"{holder.folder} is left out: {error.message}")
    return tuple(found), tuple(notes)


def family(site: Site, others: tuple[Site, ...]) -> tuple[Site, ...]:
    """Return checkouts in an order, and with a name, that are the same from each."""
    every = sorted((site, *others), key=in_order)
    # The folder of a clone may have another name.
    return tuple(replace(each, project=every[0].project) for each in every)


def _leases(timeout: float) -> Iterator[Lease]:
    """Yield the leases of checkouts: those of runs end with their process."""
    for tenant in machine.tenants(timeout=timeout):
        if tenant.lease.run is None:
            yield tenant.lease


def _site(holder: Holder, root: str, instance: int) -> Site:
    """Return a checkout without its endpoints."""
    within = checkout.find(root)
    return Site(
        project=holder.name,
        root=root,
        key=f"{holder.checkout}/{holder.project}",
        branch=within.branch if within and not within.detached else None,
        instance=instance,
    )


def _there(lease: Lease, within: Checkout) -> Site:
    if lease.holder.checkout not in (within.git_dir, within.root):
        raise ConfigError("another checkout was there when its ports were leased")
    folder = Folder.at(lease.holder.folder)
    settings = declaration.load(folder.root)
    if settings is None:
        raise ConfigError("it has no [tool.portconf] any more")
    standing = Standing(folder=folder, settings=settings, lease=lease)
    found = here(standing, standing.plan())
    declared = settings.by_name()
    # What it declares no more has a number there still, and no server.
    kept = tuple(each for each in found.endpoints if each.name in declared)
    found = replace(found, endpoints=kept)
    for each in found.endpoints:
        # Its branch may have another plan than when it was leased: that port may be
        # anybody's by now.
        if not each.shared and each.port not in lease.ports:
            raise ConfigError(
                f"its lease does not hold port {each.port} of {each.name!r}"
            )
    return found
