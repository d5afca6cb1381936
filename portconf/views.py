"""What a format is given: the endpoints of checkouts, and all that goes with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portconf.model import Endpoint
from portconf.ownership import Verdict
from portconf.registry.values import Lease
from portconf.settings import Settings


# Where a load balancer is to listen, unless another port is named.
LISTEN = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """
    The services of one checkout, as other programs reach them.

    Attributes:
        project: The repository's name, with the project's folder in it after a '/'
            where it is not its root. Any text: it is the name of a folder.
        root: The project's folder.
        key: By which the machine knows the checkout, wherever it is moved; empty where
            nothing knows it.
        branch: The branch that the checkout is on; None where it is on none. Any text
            that git allows.
        instance: The number of its lease: 0 for the plan as it stands.
        endpoints: Where its services are reached, in port order.
    """

    project: str
    root: str
    key: str = ""
    branch: str | None = None
    instance: int = 0
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """
    A checkout of this machine that has a lease, as it is seen at this moment.

    Attributes:
        lease: What it has.
        branch: The branch that it is on, or None where that cannot be seen.
        listening: Whose each of its services' ports is, where somebody listens.
        gone: Whether it is confirmed gone, so that `gc` would free its lease.
    """

    lease: Lease
    branch: str | None = None
    listening: Mapping[int, Verdict] = field(default_factory=dict)
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """
    Everything that a format may write down.

    Attributes:
        settings: The declaration.
        variables: This checkout's, in the order in which they are written.
        site: This checkout.
        others: The other checkouts of the same repository that have a lease, by
            number; empty where they were not asked for.
        listen: The port on which a server that the format configures is to listen.
        listener: The service of which that is the port, where one was named.
        folder: The output folder, or the project's where nothing is written.
        present: What the files of the output folder hold now, by name with '/': each
            is read when it is asked for, and lacks where there is none.
        machine: Looks at all checkouts of this machine that have a lease, by number.
            That takes a moment: only a format that tells of them calls it, once.
        family: Looks at the checkouts of the repository; see `repository`.
    """

    settings: Settings
    variables: Mapping[str, str]
    site: Site
    others: tuple[Site, ...] = ()
    listen: int = LISTEN
    listener: str | None = None
    folder: str = ""
    present: Mapping[str, str] = field(default_factory=dict)
    machine: Callable[[], tuple[Leased, ...]] = tuple
    family: Callable[[], tuple[Site, ...]] = tuple

    def repository(self) -> tuple[Site, ...]:
        """
        Return all checkouts of the repository that have a lease, and this one.

        The same from whichever checkout, asked for or not, in the order of instance
        and folder and with one name of the project: for who gives them names.
        """
        return self.family() or self.sites

    @property
    def sites(self) -> tuple[Site, ...]:
        """All checkouts, this one first."""
        return (self.site, *self.others)
