"""What each checkout is called in a host name: a label that no other checkout has."""

from collections import Counter
from collections.abc import Iterable

from portconf.addressing.labels import LONGEST, label
from portconf.views import Site


def zones(sites: Iterable[Site]) -> dict[str, str]:
    """
    Return the label of each checkout of a repository, by its folder.

    It is the branch's, or the lease's number on no branch. Where several have one
    label, each gets its number added, and only the checkout with the plan's ports
    keeps it bare: so none answers to the name of another.

    That holds of checkouts that are there at one time. When all but one of them are
    gone, or on another branch, the name without a number goes to the one that stays.

    Args:
        sites: All checkouts, in any order: of some of them alone the labels may be
            others.

    Examples:
        >>> branches = {2: "fix/a", 3: "fix_a", 4: None}.items()
        >>> sites = [
        ...     Site(project="shop", root=f"/{number}", branch=branch, instance=number)
        ...     for number, branch in branches
        ... ]
        >>> zones(sites)
        {'/2': 'fix-a-2', '/3': 'fix-a-3', '/4': '4'}
    """
    ordered = sorted(sites, key=in_order)
    bare = {each.root: label(each.branch or str(each.instance)) for each in ordered}
    having = Counter(bare.values())
    first: dict[str, Site] = {}
    for each in ordered:
        first.setdefault(bare[each.root], each)

    def keeps(site: Site) -> bool:
        name = bare[site.root]
        return having[name] == 1 or (first[name] is site and not site.instance)

    found: dict[str, str] = {}
    # Those first: a number that is added may make the label that another keeps.
    for site in sorted(ordered, key=keeps, reverse=True):
        name = bare[site.root]
        if not keeps(site):
            name = _with(name, site.instance)
        free, more = name, 2
        while free in found.values():
            free, more = _with(name, more), more + 1
        found[site.root] = free
    return {each.root: found[each.root] for each in ordered}


def in_order(site: Site) -> tuple[int, str]:
    """Return what checkouts are sorted by: the main one comes first."""
    return site.instance, site.root


def _with(name: str, number: int) -> str:
    suffix = f"-{number}"
    return name[: LONGEST - len(suffix)].rstrip("-") + suffix
