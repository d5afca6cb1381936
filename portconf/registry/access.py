"""Which registry a checkout has: the machine's, or one of its own where it must."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from portconf import checkout, environment
from portconf.errors import RegistryError
from portconf.folder import Folder
from portconf.registry import place
from portconf.registry.protocol import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    The registry that a checkout has.

    Attributes:
        registry: Where its lease is kept, or None where the registry is off.
        frozen: The machine's registry where it can be read but not written.
        files: The files whose change may change a lease.
        caution: What this does not protect, a sentence; None for the machine's own.
    """

    registry: Registry | None
    frozen: Registry | None = None
    files: tuple[str, ...] = ()
    caution: str | None = None


def to(folder: Folder, *, timeout: float, make: bool = False) -> Access:
    """
    Return the registry of a checkout.

    Args:
        folder: The project's folder.
        timeout: Seconds to wait for other commands.
        make: Whether something is to be written; else nothing is made.

    Raises:
        RegistryError: If the registry is refused, or no place can be written.
    """
    begun = environment.begun.get(folder.root)
    if begun is not None:
        return begun if isinstance(begun, Access) else _at(str(begun), timeout=timeout)
    found = place.machine()
    if found is None:
        return Access(registry=None, caution=_off(folder))
    found.trusted()
    if found.writable(make=make) and (make or not _passed_over(found, folder)):
        kept = _sqlite(found.path, timeout)
        return Access(registry=kept, files=(found.path,))
    # Nothing takes the place of one that somebody has named.
    inside = () if found.named else _inside(folder)
    inner = next((each for each in inside if each.writable(make=make)), None)
    readable = os.access(found.path, os.R_OK)
    if inner is None and readable and not make:
        kept = _sqlite(found.path, timeout, frozen=True)
        return Access(registry=kept, frozen=kept, files=(found.path,))
    if inner is None:
        nor = "" if found.named else f", nor can one in {folder.fence}"
        raise RegistryError(
            f"the registry {found.path} cannot be written{nor}",
            path=found.path,
            hint=f"name a place that can be written in the variable {place.VARIABLE}",
        )
    if make:
        _hide(inner, folder)
    return Access(
        registry=_sqlite(inner.trusted().path, timeout),
        frozen=_sqlite(found.path, timeout, frozen=True) if readable else None,
        files=(found.path, inner.path),
        caution=f"{found.path} cannot be written: this lease is kept in {inner.path},"
        " which other repositories do not see, so they may be given the same ports",
    )


def _at(path: str, *, timeout: float) -> Access:
    """Return the registry in a file that was the machine's; without one, it was off."""
    if not path:
        return Access(registry=None)
    return Access(registry=_sqlite(path, timeout), files=(path,))


def machine(*, timeout: float) -> Registry | None:
    """
    Return the registry of the machine; None where it is off.

    Raises:
        RegistryError: If it is refused.
    """
    found = place.machine()
    if found is None:
        return None
    return _sqlite(found.trusted().path, timeout, frozen=not found.writable())


def _sqlite(path: str, timeout: float, *, frozen: bool = False) -> Registry:
    from portconf.registry.sqlite import SqliteRegistry  # noqa: PLC0415 - `off` needs none

    return SqliteRegistry(path=path, timeout=timeout, frozen=frozen)


def _off(folder: Folder) -> str | None:
    within = checkout.find(folder.root)
    if within is None or not within.linked:
        return None
    return (
        f"{place.VARIABLE}={place.OFF}: this worktree has no lease, and uses the plan's"
        " own ports, which are the main checkout's"
    )


def _passed_over(found: place.Place, folder: Folder) -> bool:
    """
    Tell whether a registry in the checkout has been used for want of the machine's.

    Only making the machine's would tell again whether a sandbox forbids it.
    """
    if found.named or os.path.lexists(found.path):
        return False
    return any(os.path.lexists(each.path) for each in _inside(folder))


def _hide(inner: place.Place, folder: Folder) -> None:
    """Keep a registry in a checkout's own folder out of what git sees."""
    kept = os.path.dirname(inner.path)
    if os.path.dirname(kept) == folder.fence:
        with (
            suppress(OSError),
            open(f"{kept}/.gitignore", "x", encoding="ascii") as file,
        ):
            file.write("*\n")


def _inside(folder: Folder) -> Iterator[place.Place]:
    """Yield the places in a checkout that may hold a registry, the best first."""
    within = checkout.find(folder.root)
    if within and within.common_dir:  # which all worktrees of the repository share
        yield place.inside(os.path.join(within.common_dir, "portconf", "registry"))
    yield place.inside(os.path.join(folder.fence, ".portconf"))
