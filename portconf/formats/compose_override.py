"""
Docker Compose: an override file that publishes the effective ports.

`ports: !override` replaces the list of a service, where a second file would add to it;
so what is not of ours is repeated as it is written. Needs Docker Compose 2.24.4.
"""

import json
import re
from collections.abc import Iterator, Mapping

from portconf.compose import GENERATED, clashes, interpolation, matching, reading
from portconf.compose.values import Published, Stack
from portconf.environment import COMPOSE
from portconf.marks import HEADER
from portconf.model import Endpoint
from portconf.views import View


# YAML 1.1 takes these words for something else than text, and so may a reader.
_BARE = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)$)[a-z][a-z0-9_-]*")
# JSON leaves them as they are, and YAML breaks the line at three of them.
_CONTROLS = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def render(view: View) -> Mapping[str, str]:
    """Return one override file for the Compose files of the folder."""
    stack = reading.read(view.present)
    if not stack.files and stack.unread:
        raise ValueError(f"{stack.unread[0]}")
    published = _published(view, stack) if stack.files else _declared(view)
    lines = [f"# {HEADER}"]
    if COMPOSE in view.variables:  # absent for the plan as it stands
        lines.append(f"name: {_quoted(view.variables[COMPOSE])}")
    lines.append("services:")
    for service, ports in published.items():
        lines += [f"  {_quoted(service)}:", "    ports: !override"]
        for port in dict.fromkeys(ports):
            lines += [f"      {each}" for each in port]
    return {GENERATED: "\n".join(lines) + "\n"}


def _published(view: View, stack: Stack) -> dict[str, list[tuple[str, ...]]]:
    """Return the ports of each Compose service that publishes one of ours."""
    ours = {each.name: each for each in view.site.endpoints}
    found = matching.matched(stack, ours.values(), view.settings)
    touched = {
        port.service
        for port, name in zip(stack.ports, found, strict=True)
        if name is not None
    }
    for each in stack.unread:
        if each.service in touched:
            raise ValueError(f"{each}; an override would drop it")
    if not touched:
        raise ValueError(
            f"{stack.files[0]} publishes no port of a declared service: write"
            " '${POSTGRES_PORT}:5432' there, or declare the container-port"
        )
    lists: dict[str, list[tuple[str, ...]]] = {}
    several = _several(stack, found)
    for port, name in zip(stack.ports, found, strict=True):
        if port.service in touched:
            known = ours[name] if name is not None else None
            alone = len(several.get((port.service, name, port.protocol), ())) == 1
            host = known.host if known and alone else port.host_ip
            entry = _ours(port, known, view, host) if known else _as_written(port)
            lists.setdefault(port.service, []).append(entry)
    return lists


def _several(
    stack: Stack, found: tuple[str | None, ...]
) -> Mapping[tuple[str, str | None, str], list[Published]]:
    """
    Return what each Compose service publishes of each of ours, by protocol.

    Raises:
        ValueError: If two of them would be one, or have one port at one address.
    """
    several: dict[tuple[str, str | None, str], list[Published]] = {}
    for port, name in zip(stack.ports, found, strict=True):
        if name is None:
            continue
        before = several.setdefault((port.service, name, port.protocol), [])
        if any(_alike(each, port) for each in before):
            continue
        for each in before:
            if clashes.overlap(each.host_ip, port.host_ip):
                raise ValueError(
                    f"{port.spot.file}:{port.spot.line}: {port.service!r} publishes"
                    f" {name!r} a second time, after {each.spot.file}:{each.spot.line},"
                    " and an override has one port for both: leave one of them out"
                )
        before.append(port)
    return several


def _alike(one: Published, other: Published) -> bool:
    """Tell whether Compose takes two entries for one."""
    ports = {
        interpolation.variable(each.published) or each.published
        for each in (one, other)
    }
    return len(ports) == 1 and clashes.same(one, other)


def _declared(view: View) -> dict[str, list[tuple[str, ...]]]:
    """Return a service for each of ours that runs in a container."""
    inside = [each for each in view.site.endpoints if each.container_port]
    if not inside:
        raise ValueError(
            "there is no Compose file beside it, and no service has a container-port"
        )
    return {
        each.name: [
            _entry(each, str(each.container_port), each.protocol, host=each.host)
        ]
        for each in inside
    }


def _ours(
    port: Published, endpoint: Endpoint, view: View, host: str
) -> tuple[str, ...]:
    known = interpolation.variable(port.target) or ""
    # It may be one of ours, and the file shall do without an environment.
    target = view.variables.get(known, port.target)
    return _entry(endpoint, target, port.protocol, *port.extras, host=host)


def _entry(
    endpoint: Endpoint, target: str, protocol: str, *extras: tuple[str, str], host: str
) -> tuple[str, ...]:
    return _mapping(
        ("target", target),
        ("published", str(endpoint.port)),
        ("host_ip", host),
        ("protocol", protocol),
        *extras,
    )


def _as_written(port: Published) -> tuple[str, ...]:
    if port.form == "long":
        return _mapping(
            ("target", port.target),
            *[("published", port.published)][: bool(port.published)],
            *[("host_ip", port.host_ip)][: bool(port.host_ip)],
            ("protocol", port.protocol),
            *port.extras,
        )
    ip = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    head = f"{ip}:" if ip else ""
    head += f"{port.published}:" if port.published or ip else ""
    return (f"- {_quoted(f'{head}{port.target}/{port.protocol}', always=True)}",)


def _mapping(*pairs: tuple[str, str]) -> tuple[str, ...]:
    return tuple(_pairs(pairs))


def _pairs(pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for index, (name, value) in enumerate(pairs):
        # The one that Compose wants as a number, where it is one.
        number = name == "target" and re.fullmatch("[0-9]+", value)
        text = value if number else _quoted(value, always=name != "protocol")
        yield f"{'  ' if index else '- '}{_quoted(name)}: {text}"


def _quoted(text: str, *, always: bool = False) -> str:
    """Return a text as YAML, in double quotes where it may be something else."""
    if not always and _BARE.fullmatch(text):
        return text
    if re.search("[\ud800-\udfff]", text):
        raise ValueError(f"{text!r} holds half a character")
    quoted = json.dumps(text, ensure_ascii=False)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)
