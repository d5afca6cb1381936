"""Names in a DNS, made from texts that are none."""

import re
from collections.abc import Iterable


LONGEST = 63


def label(text: str) -> str:
    """
    Return a text as one label of a name: letters, digits and inner hyphens.

    Several texts may give one label: who needs different ones has to see to it.

    Examples:
        >>> label("Fix/login_form"), label("http-server"), label("...")
        ('fix-login-form', 'http-server', 'x')
    """
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return found[:LONGEST].strip("-") or "x"


def of_services(names: Iterable[str]) -> dict[str, str]:
    """
    Return the label of each service, which no other of them has.

    Raises:
        ValueError: If two of them would have one.
    """
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in names:
        found[name] = label(name)
        other = first.setdefault(found[name], name)
        if other != name:
            raise ValueError(
                f"the services {other!r} and {name!r} would have one host name,"
                f" {found[name]!r}; rename one"
            )
    return found
