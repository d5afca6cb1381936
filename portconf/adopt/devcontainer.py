"""The ports that a `devcontainer.json` forwards, portconf's own section left aside."""

import re
from collections.abc import Iterator

from portconf.adopt.values import Found, Mention, port_in
from portconf.compose.values import Unread
from portconf.jsonc.document import Document
from portconf.jsonc.tree import Part
from portconf.kinds import Problem, shown


def read(file: str, text: str) -> Found:
    """
    Return the numbers that a dev container forwards.

    Args:
        file: Its name, for messages.
        text: Its content, JSON with comments.
    """
    try:
        document = Document.parse(text)
        forwarded = [*document.theirs("forwardPorts", "["), *_app_ports(document)]
    except Problem as problem:
        return Found(unread=(Unread(file=file, line=1, reason=str(problem)),))
    mentions: list[Mention] = []
    unread: list[Unread] = []
    for part in forwarded:
        if part.node is None:
            continue
        line, value = document.line(part), part.node.value
        # `appPort` also takes Docker's own form, host first.
        port = port_in(value.partition(":")[0])
        if port:
            mentions.append(Mention(file=file, line=line, number=port))
        elif not re.fullmatch(r"[A-Za-z0-9_.-]+:\d{1,5}", value):
            # `db:5432` is the container's own port, which never moves.
            reason = f"{shown(value)} is forwarded, which is no port"
            unread.append(Unread(file=file, line=line, reason=reason))
    return Found(mentions=tuple(mentions), unread=tuple(unread))


def _app_ports(document: Document) -> Iterator[Part]:
    for part in document.root.items():
        if part.key == "appPort" and part.node:
            yield from part.node.items() if part.node.kind == "[" else [part]
