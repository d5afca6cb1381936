"""What a `.env` tells Compose to read instead of the usual files."""

import re

from portconf.compose.values import Unread


_NAMED = re.compile(
    rb"^(?:\xef\xbb\xbf)?[ \t]*(?:export[ \t]+)?COMPOSE_FILE[ \t]*[=:][ \t]*\S",
    re.MULTILINE,
)


def named(data: bytes, file: str) -> tuple[Unread, ...]:
    """
    Return that the Compose files are named in an env file, or nothing.

    Args:
        data: The file's content.
        file: Its name.
    """
    found = _NAMED.search(data)
    if found is None:
        return ()
    reason = "COMPOSE_FILE names what Compose reads, and is not followed here"
    line = data.count(b"\n", 0, found.start()) + 1
    return (Unread(file=file, line=line, reason=reason),)
