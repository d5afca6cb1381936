"""A path that a Compose file names, as the name of a file of the project."""

import re

from portconf.compose.tree import Node
from portconf.settings import FILE_PATTERN


def inside(node: Node, base: str, *, folder: bool = False) -> str:
    """
    Return a path as a name of the project's.

    Args:
        node: The path, as it is written.
        base: The folder that it is relative to, as a name; empty: the project's.
        folder: Whether it may be the project's folder, whose name is empty.

    Raises:
        ValueError: If it leads out of the project, completing "what X says ...".
    """
    text = node.value
    parts = base.split("/") if base else []
    for part in text.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    name = "/".join(parts)
    if folder and not parts and text:
        return ""
    found = re.fullmatch(FILE_PATTERN, name) and not text.startswith(("/", "~"))
    if node.kind != "scalar" or not found or "$" in text or "://" in text:
        raise ValueError(f"is not looked for: {text!r} is no path inside the project")
    return name
