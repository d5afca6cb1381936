"""UDP: whether a socket is there, for no connection tells."""

from portconf import sockets
from portconf.health import Reach, Seen
from portconf.model import Protocol


# A socket on one of these gets what is sent to this machine's own addresses.
_NEAR = ("127.", "::1", "::ffff:127.")
_EVERY = ("0.0.0.0", "::")  # noqa: S104 - what the kernel calls it


class Udp:
    """Asks the kernel whether a UDP socket is bound to a port."""

    address = ""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, *, timeout: float) -> Seen:  # noqa: ARG002 - answered at once
        """Ask once."""
        for each in sockets.listening([self._port]):
            near = each.address in _EVERY or each.address.startswith(_NEAR)
            if each.protocol is Protocol.UDP and near:
                text = f"a UDP socket on {each.address}"
                return Seen(reach=Reach.HEALTHY, text=text)
        return Seen(reach=Reach.CLOSED, text="no UDP socket")

    def cut(self) -> None:
        """Do nothing: the kernel does not keep anybody waiting."""
