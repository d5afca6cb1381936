"""Under which domains a service has its names, whichever checkout is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

from portconf.addressing.labels import label
from portconf.addressing.targets import Target
from portconf.addressing.zones import zones
from portconf.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """
    The domains of a repository.

    Attributes:
        project: The project's label.
        checkouts: The label of each checkout, by its folder.
        alone: Whether there is nothing but the checkout with the plan's ports to tell
            of, which needs no name of its own.
    """

    project: str
    checkouts: Mapping[str, str]
    alone: bool

    @property
    def common(self) -> str:
        """The domain of what all checkouts have."""
        return f"{self.project}.localhost"

    def own(self, target: Target) -> str | None:
        """Return its checkout's domain; None where the common one says the same."""
        if self.alone or target.endpoint.shared:
            return None
        return f"{self.checkouts[target.site.root]}.{self.common}"


def domains(view: View) -> Domains:
    """
    Return the domains of a view's repository.

    All its checkouts are looked at, not only those of the view: so a name is the same
    checkout's in whatever is written, from wherever.
    """
    every = view.repository()
    return Domains(
        project=label(every[0].project),
        checkouts=zones(every),
        alone=not view.others and not view.site.instance,
    )
