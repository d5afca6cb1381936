"""Dev containers: the ports in `devcontainer.json`, with their names."""

import json

from portconf.jsonc.document import Document
from portconf.kinds import Problem
from portconf.model import Protocol


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portconf.model import Endpoint
    from portconf.views import View


# Where it is looked for, in the order in which its readers do.
NAMES = (".devcontainer/devcontainer.json", ".devcontainer.json")
_NEW = "// An image, a Dockerfile or a Compose file has to be named here, too.\n{}\n"


def render(view: "View") -> "Mapping[str, str]":
    """
    Return the file with a section of ours in `forwardPorts` and `portsAttributes`.

    A port is left out where the user has it there already; so is one of UDP, which is
    not forwarded, a shared one, whose server is outside of the container, and that of a
    service that is declared no more.
    """
    name = next((each for each in NAMES if each in view.present), NAMES[0])
    declared = view.settings.by_name()
    reached = [
        each
        for each in view.site.endpoints
        if each.protocol is Protocol.TCP and not each.shared and each.name in declared
    ]
    try:
        return {name: edited(view.present.get(name, _NEW), reached)}
    except Problem as problem:
        raise ValueError(f"{name} {problem}") from problem


def edited(text: str, endpoints: "Sequence[Endpoint]") -> str:
    """
    Return a `devcontainer.json` with the ports of ``endpoints`` in it.

    Raises:
        Problem: If it cannot be edited. It completes "FILE ...".
        ValueError: If something cannot be carried.
    """
    document = Document.parse(text)
    listed = {
        each.node.value
        for each in document.theirs("forwardPorts", "[")
        if each.node and not each.node.kind
    }
    ports = [str(each.port) for each in endpoints if str(each.port) not in listed]
    document = document.with_section("forwardPorts", "[", ports)
    named = {each.key for each in document.theirs("portsAttributes", "{")}
    attributes = [
        f'"{each.port}": {_attributes(each)}'
        for each in endpoints
        if str(each.port) not in named
    ]
    return document.with_section("portsAttributes", "{", attributes).text


def _attributes(endpoint: "Endpoint") -> str:
    """Return what is said of a port, on one line."""
    label = endpoint.name + (f": {endpoint.purpose}" if endpoint.purpose else "")
    if "${" in label:
        raise ValueError(
            f"the purpose of {endpoint.name!r} holds '${{', which devcontainer.json"
            " puts variables in for"
        )
    found = {"label": label}
    if endpoint.scheme in ("http", "https"):
        found["protocol"] = endpoint.scheme
    return json.dumps(found, ensure_ascii=False)
