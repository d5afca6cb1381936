"""One Compose service, as one file says it, and as files are merged."""

from dataclasses import dataclass, field, replace

from portconf.compose import container, ports
from portconf.compose.container import Surroundings
from portconf.compose.tree import Node
from portconf.compose.values import Fixed, Published, Spot, Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """
    A Compose service, as far as ports go.

    Attributes:
        name: Its key under `services`.
        ports: What it publishes.
        replaces: Its list replaces the one below: `!override` or `!reset`.
        image: As written; None where there is none.
        built: Whether it is built here.
        named: Its `container_name`, where that is fixed.
        profiles: Those that it is of; none: it always starts.
        inside: What its containers are started with.
        unread: What of its ports could not be read.
    """

    name: str
    ports: tuple[Published, ...] = ()
    replaces: bool = False
    image: str | None = None
    built: bool = False
    named: Fixed | None = None
    profiles: tuple[str, ...] = ()
    inside: Surroundings = field(default_factory=Surroundings)
    unread: tuple[Unread, ...] = ()

    def over(self, below: "Definition") -> "Definition":
        """Return this merged over what it extends or overrides, under its own name."""
        kept = () if self.replaces else below.ports
        doubts = () if self.replaces else below.unread
        mine = {each.spot for each in self.ports}  # by an alias, a port is both's
        return replace(
            self,
            ports=(
                *(
                    replace(each, service=self.name)
                    for each in kept
                    if each.spot not in mine
                ),
                *self.ports,
            ),
            image=self.image or below.image,
            built=self.built or below.built,
            named=self.named or below.named,
            profiles=(*below.profiles, *self.profiles),
            inside=self.inside.over(below.inside),
            unread=(
                *(replace(each, service=each.service and self.name) for each in doubts),
                *self.unread,
            ),
        )


def define(name: str, node: Node, *, file: str, base: str, most: int) -> Definition:
    """
    Return what the mapping of a service says, without what it extends.

    Args:
        name: Its key.
        node: The mapping, or nothing.
        file: Where it is.
        base: The folder that its paths are relative to.
        most: How many ports are read.
    """
    fields = node.fields()
    doubts: list[Unread] = []
    if node.kind != "map" and not node.empty:
        reason = f"the service {name!r}: no mapping"
        doubts.append(Unread(file=file, line=node.line, reason=reason))
    published = fields.get("ports")
    tag = published.tag if published is not None else ""
    listed: list[Published | Unread] = []
    if published is not None and not tag.startswith("!reset"):
        listed = [*ports.listed(published, service=name, file=file, most=most)]
    mode = fields.get("network_mode")
    if mode is not None and mode.value == "host":
        reason = f"{name!r} uses the host's network: its container ports are host ports"
        doubts.append(Unread(file=file, line=mode.line, reason=reason))
    image = fields.get("image")
    return Definition(
        name=name,
        ports=tuple(each for each in listed if isinstance(each, Published)),
        replaces=tag.startswith(("!reset", "!override")),
        image=image.value or None if image is not None else None,
        built="build" in fields,
        profiles=_profiles(fields.get("profiles")),
        inside=container.surroundings(fields, base=base),
        named=fixed("container_name", name, fields.get("container_name"), file=file),
        unread=(*(each for each in listed if isinstance(each, Unread)), *doubts),
    )


def _profiles(node: Node | None) -> tuple[str, ...]:
    listed = node.children[: container.MOST] if node is not None else ()
    return tuple(each.value for each in listed)


def fixed(kind: str, owner: str, node: Node | None, *, file: str) -> Fixed | None:
    """
    Return a name that two checkouts would share, or None.

    Args:
        kind: What is named.
        owner: What has the name.
        node: The name; with a variable in it, it may differ.
        file: Where it is.
    """
    if node is None or node.kind != "scalar" or node.empty or "$" in node.value:
        return None
    spot = Spot(
        file=file, line=node.line, start=node.start, end=node.start + len(node.raw)
    )
    return Fixed(kind=kind, owner=owner, name=node.value, spot=spot)  # type: ignore[arg-type]


def resources(root: Node, *, file: str) -> tuple[Fixed, ...]:
    """Return the fixed names of the volumes and networks of one document."""
    found = []
    fields = root.fields()
    for kind, section in (("volume", "volumes"), ("network", "networks")):
        for owner, node in (
            fields[section].fields().items() if section in fields else ()
        ):
            about = node.fields()
            external = about.get("external")
            # What others made is shared on purpose.
            if external is not None and external.value.lower() not in {"false", "no"}:
                continue
            each = fixed(kind, owner, about.get("name"), file=file)
            found += [each] if each else []
    return tuple(found)
