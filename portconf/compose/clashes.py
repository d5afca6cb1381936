"""Whether two entries of Compose files can have one host port at the same time."""

from portconf.compose.values import Published, Stack


_ALL = {"0.0.0.0", "::"}  # noqa: S104 - nothing is bound


def clash(one: Published, other: Published, stack: Stack) -> bool:
    """
    Tell whether two entries with one host port stand in each other's way.

    Not where they are of different profiles, of which one starts; nor where they are
    the same, which Compose takes for one.

    Args:
        one: An entry.
        other: Another one.
        stack: The Compose files, which have both.
    """
    if one.protocol != other.protocol or not overlap(one.host_ip, other.host_ip):
        return False
    if one.service == other.service:
        return not same(one, other)
    first, second = (set(stack.profiles.get(e.service, ())) for e in (one, other))
    return not first or not second or bool(first & second)


def same(one: Published, other: Published) -> bool:
    """Tell whether two entries of one service say the same of all but the host port."""
    return (one.service, one.host_ip, one.target, one.protocol) == (
        other.service,
        other.host_ip,
        other.target,
        other.protocol,
    )


def overlap(one: str, other: str) -> bool:
    """
    Tell whether a server at one address of the host keeps another off the second.

    Examples:
        >>> overlap("", "127.0.0.1"), overlap("127.0.0.1", "::1"), overlap("::", "::1")
        (True, False, True)
    """
    if one == other or not one or not other:
        return True
    # What a variable stands for is not known here, and is given the benefit.
    return bool({one, other} & _ALL) and (":" in one) == (":" in other)
