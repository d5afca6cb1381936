"""Names in a DNS, made from texts that are none."""

import re


_LONGEST = 63


def label(text: str) -> str:
    """
    Return a text as one label of a name: letters, digits and inner hyphens.

    Several texts may give one label: who needs different ones has to see to it.

    Examples:
        >>> label("Fix/login_form"), label("http-server"), label("...")
        ('fix-login-form', 'http-server', 'x')
    """
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return found[:_LONGEST].strip("-") or "x"
