"""What every probe can do."""

from typing import Protocol

from portconf.health import Seen


class Probe(Protocol):
    """
    One question to one endpoint, asked as often as wanted, by one thread at a time.

    Attributes:
        address: Where it asks; empty where the question has no address.
    """

    address: str

    def ask(self, *, timeout: float) -> Seen:
        """
        Ask, and return what was seen; what the service does wrong never raises.

        Args:
            timeout: Seconds, above 0. Only `cut` ends an answer that comes drop by
                drop.
        """

    def cut(self) -> None:
        """End the question that another thread is asking, if there is one, at once."""
