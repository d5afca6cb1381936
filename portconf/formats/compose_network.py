"""
Docker Compose: an env file for containers, with names and ports of their network.

For `env_file:`. A service with a container port is reached there by its Compose name
and that port; any other one at the host, under its effective port. The variables are
those of the services, those of `[tool.portconf.env]` and the instance.
"""

import re
from collections.abc import Mapping
from string import Formatter

from portconf.compose import NETWORK, matching, reading
from portconf.compose.values import Published, Stack
from portconf.environment import INSTANCE
from portconf.formats import dotenv
from portconf.marks import HEADER
from portconf.model import Endpoint
from portconf.templates import Template
from portconf.views import View


# What Docker Desktop calls the host; on Linux: extra_hosts, with 'host-gateway'.
HOST = "host.docker.internal"
_LOOPBACK = r"(?<![\w.:%-])(?:127\.0\.0\.1|localhost|\[::1\])"
# Before a container's port it would be whoever has that number on this machine. Not
# 0.0.0.0: a server listens there, and in its container it has to.
_HERE = rf"(?:{_LOOPBACK}|(?<![\w.:%-]){re.escape(HOST)})"


def render(view: View) -> Mapping[str, str]:
    """Return one env file."""
    stack = reading.read(view.present)
    places = _places(view, stack)
    found = {each.variable: places[each.name][1] for each in view.site.endpoints}
    for template in view.settings.templates:
        found[template.variable] = _filled(template, places)
    # Neither the folder nor the fingerprint of the host's view means anything there.
    found[INSTANCE] = str(view.site.instance)
    return {NETWORK: f"# {HEADER}\n{dotenv.lines(found)}"}


def _places(view: View, stack: Stack) -> dict[str, tuple[str, str]]:
    """Return host and port of each service, as a container of the project sees it."""
    ours = view.site.endpoints
    names = matching.matched(stack, ours, view.settings)
    entries: dict[str, list[Published]] = {}
    for name, entry in zip(names, stack.ports, strict=True):
        entries.setdefault(name or "", []).append(entry)
    places = {}
    for each in ours:
        here = entries.get(each.name, [])
        port = _inside(each, here[0].target if here else "")
        # The main checkout's server is in another network than a shifted one's.
        if port is None or (each.shared and view.site.instance != 0):
            places[each.name] = (HOST, str(each.port))
        else:
            _refuse_second(each, here)
            places[each.name] = (here[0].service if here else each.name, port)
    return places


def _refuse_second(endpoint: Endpoint, here: list[Published]) -> None:
    """
    Refuse a service that containers would find in two places, as by two profiles.

    Raises:
        ValueError: With both places.
    """
    for each in here[1:]:
        if (each.service, each.target) != (here[0].service, here[0].target):
            places = [
                f"{e.service}:{e.target} ({e.spot.file}:{e.spot.line})"
                for e in (here[0], each)
            ]
            raise ValueError(
                f"{endpoint.name!r} is in the network twice, at {' and '.join(places)},"
                " and an env file has one place for it: declare a service for each"
            )


def _inside(endpoint: Endpoint, target: str) -> str | None:
    """Return the port inside the container, or None where the service is in none."""
    if re.fullmatch("[0-9]+", target):
        return target
    if endpoint.container_port is not None:
        return str(endpoint.container_port)
    # It is published, and its port inside moves with that on the host.
    return str(endpoint.port) if target else None


def _filled(template: Template, places: Mapping[str, tuple[str, str]]) -> str:
    """
    Return a template's value, with each service's host where that stands before it.

    Raises:
        ValueError: If it names the host's loopback in another way.
    """
    text = ""
    for literal, name, _, _ in Formatter().parse(template.text):
        host, port = places[name] if name else ("", "")
        before = re.fullmatch(rf"(.*){_HERE}:", literal, re.DOTALL) if name else None
        kept = before[1] if before else literal
        left = re.search(rf"{_LOOPBACK}(?![\w.-])", kept)
        if left and template.services:
            raise ValueError(
                f"{template.variable} names {left.group()} elsewhere than directly"
                f" before ':{{{template.services[0]}}}', and that leads nowhere in a"
                " container"
            )
        text += f"{kept}{host}:{port}" if before else f"{kept}{port}"
    return text
