"""What was read of a project's Compose files, with the place of each thing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """
    A place in a file.

    Attributes:
        file: Relative to the project, with '/'.
        line: From 1.
        start: Where the token begins, in characters of the whole text.
        end: Where it ends, itself not included.
    """

    file: str
    line: int
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """
    One entry of `ports:`, as it is written: nothing is interpolated.

    Attributes:
        service: The name of the Compose service.
        spot: The token that names the host's port, without quotes; of no length where
            there is no such token, as in `- 6000`.
        form: How it is written.
        published: The host's port: a number, a range like `8000-8010`, or with a
            variable; empty where Docker chooses one.
        target: The container's port, or a range.
        host_ip: The address on the host; empty for all.
        protocol: `tcp`, `udp`, or what else is written.
        extras: The other keys of the long form, such as `app_protocol`, with their
            texts.
    """

    service: str
    spot: Spot
    form: Literal["short", "long"]
    published: str
    target: str
    host_ip: str = ""
    protocol: str = "tcp"
    extras: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """
    A name that two checkouts would share: of a container, a volume or a network.

    Attributes:
        kind: `container_name`, `volume`, `network` or `project` (top-level `name`).
        owner: The Compose service, or the key of the volume or network.
        name: The name as it is written, without a variable in it.
        spot: Where it is.
    """

    kind: Literal["container_name", "volume", "network", "project"]
    owner: str
    name: str
    spot: Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """
    Something that could not be read.

    Attributes:
        file: Where it is.
        line: From 1.
        reason: Why it could not be read.
        service: The Compose service whose ports are not all known for that reason.
    """

    file: str
    line: int
    reason: str
    service: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """
    The Compose files of a project.

    Attributes:
        files: Those that were read, in Compose's order: overrides after what they
            override, included ones where they are included.
        ports: What is published, in the order of the files.
        images: The image of each service that has one, as written.
        built: The services that are built here; their image is a name for that.
        profiles: Those of each service that has any; the others always start.
        started: The texts of each service's command, entrypoint and environment.
        passed: The variables that each service's containers, or its build, get by
            their bare name, as by `environment: [PORT]`.
        env_files: The files that each service names under `env_file`, and the env files
            that it mounts, which may be in the project, by name with '/'; they need
            not exist.
        untold: The services that may be told their port by what is not read here: by a
            command, or by an env file.
        uses: The names of volumes and networks that each service has.
        services: The names of all services, in order; those of profiles too.
        fixed: The names that two checkouts would share.
        unread: What could not be read.
        lacking: Whether a whole file is among that, and with it nobody knows what.
    """

    files: tuple[str, ...] = ()
    ports: tuple[Published, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    built: tuple[str, ...] = ()
    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    started: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    env_files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    untold: tuple[str, ...] = ()
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    unread: tuple[Unread, ...] = ()
    lacking: bool = False
