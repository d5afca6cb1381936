"""The checkouts of one repository on this machine, with their endpoints."""

from dataclasses import replace

from portconf import checkout, declaration, identity, machine
from portconf.decisions import Standing
from portconf.errors import ConfigError, PortconfError
from portconf.folder import Folder
from portconf.model import Plan
from portconf.registry.values import Lease
from portconf.views import Site


def here(standing: Standing, plan: Plan) -> Site:
    """Return the checkout of a project, with the lease that the standing has."""
    within = checkout.find(standing.folder.root)
    return Site(
        project=identity.holder(standing.folder, within).name,
        root=standing.folder.root,
        branch=within.branch if within else None,
        instance=standing.lease.instance if standing.lease else 0,
        endpoints=standing.endpoints(plan),
    )


def others(root: str, *, timeout: float) -> tuple[tuple[Site, ...], tuple[str, ...]]:
    """
    Return the other checkouts of a project's repository that have a lease, by number.

    Each is read as it is declared there: another branch may have other services.

    Args:
        root: The project's folder.
        timeout: Seconds to wait for other commands.

    Returns:
        Them, and a sentence for each one that could not be read.

    Raises:
        RegistryError: If the registry is refused.
    """
    within = checkout.find(root)
    if within is None:
        return (), ()
    mine, known = identity.holder(Folder.at(root), within), within.repository()
    found, notes = [], []
    for tenant in machine.tenants(timeout=timeout):
        lease, holder = tenant.lease, tenant.lease.holder
        if (
            lease.run  # ends with its process
            or holder.folder == root
            or (holder.namespace, holder.project) != (mine.namespace, mine.project)
        ):
            continue
        theirs = checkout.find(holder.root)
        if not theirs or theirs.root != holder.root or not theirs.repository() & known:
            continue
        try:
            # One repository, whatever its clones' folders are called.
            found.append(replace(_there(lease), project=mine.name))
        except PortconfError as error:
            notes.append(f"{holder.folder} is left out: {error.message}")
    return tuple(found), tuple(notes)


def _there(lease: Lease) -> Site:
    folder = Folder.at(lease.holder.folder)
    settings = declaration.load(folder.root)
    if settings is None:
        raise ConfigError("it has no [tool.portconf] any more")
    standing = Standing(folder=folder, settings=settings, lease=lease)
    return here(standing, standing.plan())
