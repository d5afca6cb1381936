"""What each checkout is called in a host name: a label that no other checkout has."""

from collections.abc import Iterable

from portconf.addressing.labels import label
from portconf.views import Site


_LONGEST = 63


def zones(sites: Iterable[Site]) -> dict[str, str]:
    """
    Return the label of each checkout, by its folder.

    It is the branch's, or the lease's number where there is no branch. Two branches may
    give one label, and two clones may be on one branch: the one with the lower number
    keeps it, and the other's number is added to its own, from whichever checkout they
    are looked at.

    Args:
        sites: The checkouts, in any order.

    Examples:
        >>> branches = {2: "fix/a", 3: "fix_a"}.items()
        >>> sites = [
        ...     Site(project="shop", root=f"/{number}", branch=branch, instance=number)
        ...     for number, branch in branches
        ... ]
        >>> zones(sites)
        {'/2': 'fix-a', '/3': 'fix-a-3'}
    """
    found: dict[str, str] = {}
    for site in sorted(sites, key=in_order):
        number, name = site.instance, label(site.branch or str(site.instance))
        free = name
        while free in found.values():
            free = f"{name[: _LONGEST - len(f'-{number}')].rstrip('-')}-{number}"
            number += 1
        found[site.root] = free
    return found


def in_order(site: Site) -> tuple[int, str]:
    """Return what checkouts are sorted by: the main one comes first."""
    return site.instance, site.root
