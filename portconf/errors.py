"""
The errors of portconf, each with its exit code.

```text
PortconfError 1
├── UsageError 2             the command line is wrong
├── ConfigError 2            the declaration is wrong; carries every problem found
├── AssignmentError 3        a service has no port, or cannot be given one
│   ├── PortConflictError       two services want one port
│   └── RangeExhaustedError     the plan's range holds no further port
├── StoreError 4             the assignments file, or a file portconf writes, is refused
│   ├── StoreLockedError        another command holds the lock
│   ├── StoreFormatError        the assignments file is not what it must be
│   └── FileConflictError       writing would lose what somebody else wrote
├── RegistryError 5          the machine's registry is refused, or gives no lease
│   ├── RegistryBusyError       other commands kept it for too long
│   ├── LeaseConflictError      another checkout holds a port that cannot move
│   └── BlocksExhaustedError    the instance range holds no further block
└── ForeignListenerError 7   somebody else's server listens on one of our ports
```

A message is one sentence that starts with its subject; the remedy is the hint.
Exit code 1 alone means that `portconf check` found something.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, ClassVar


class PortconfError(Exception):
    """
    Anything a user can cause and mend.

    Attributes:
        message: What is wrong, then what was got; no final period.
        hint: What to do about it, or None where the message says it.
    """

    exit_code: "ClassVar[int]" = 1
    code: "ClassVar[str]" = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def details(self) -> "Mapping[str, Any]":
        """Return the parts of the error that a program may want, JSON-ready."""
        return {}


class UsageError(PortconfError):
    """The command line is wrong."""

    exit_code = 2
    code = "usage"


class ConfigError(PortconfError):
    """
    The declaration is wrong.

    Attributes:
        problems: Every problem of the file, in its order, one line each.
    """

    exit_code = 2
    code = "config"

    def __init__(self, *problems: str, hint: str | None = None) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems

    def details(self) -> "Mapping[str, Any]":
        """Return the problems, one by one."""
        return {"problems": list(self.problems)}


class AssignmentError(PortconfError):
    """A service has no port, or cannot be given one."""

    exit_code = 3
    code = "assignment"


class PortConflictError(AssignmentError):
    """
    Two services want one port.

    Attributes:
        port: The port, 1 to 65535.
        services: Both names; the one that keeps or came first leads.
    """

    code = "port_conflict"

    def __init__(
        self, message: str, *, port: int, services: "Iterable[str]", hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.port = port
        self.services = tuple(services)

    def details(self) -> "Mapping[str, Any]":
        """Return the port and who wants it."""
        return {"port": self.port, "services": list(self.services)}


class RangeExhaustedError(AssignmentError):
    """
    The plan's range holds no further port.

    Attributes:
        service: The name that got none.
        first: First port of the plan's range.
        last: Last port of the plan's range, itself included.
    """

    code = "range_exhausted"

    def __init__(self, service: str, *, first: int, last: int, assigned: int) -> None:
        super().__init__(
            f"no free port for {service!r} in {first}-{last}: {assigned} assigned,"
            " the others are released, fixed or never handed out",
            hint="raise tool.portconf.last-port, or run 'portconf reset' to number"
            " the services afresh",
        )
        self.service = service
        self.first = first
        self.last = last

    def details(self) -> "Mapping[str, Any]":
        """Return the service and the range."""
        return {"service": self.service, "first": self.first, "last": self.last}


class StoreError(PortconfError):
    """
    A file that portconf keeps cannot be read or written.

    Attributes:
        path: The file.
    """

    exit_code = 4
    code = "store"

    def __init__(self, message: str, *, path: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path

    def details(self) -> "Mapping[str, Any]":
        """Return the file's path."""
        return {"path": self.path}


class StoreLockedError(StoreError):
    """Another command holds the lock."""

    code = "store_locked"

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__(
            f"{path} is locked by another portconf command, gave up after {timeout:g} s",
            path=path,
            hint="wait for it to finish, or raise --lock-timeout",
        )
        self.timeout = timeout


class StoreFormatError(StoreError):
    """The assignments file is not what it must be; it was left untouched."""

    code = "store_format"


class FileConflictError(StoreError):
    """Writing the file would lose what somebody else wrote; nothing was written."""

    code = "file_conflict"


class RegistryError(PortconfError):
    """
    The machine's registry is refused, or gives no lease.

    Attributes:
        path: The registry's file, or None where no one file is to blame.
    """

    exit_code = 5
    code = "registry"

    def __init__(
        self, message: str, *, path: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path

    def details(self) -> "Mapping[str, Any]":
        """Return the file's path."""
        return {"path": self.path}


class RegistryBusyError(RegistryError):
    """Other commands kept the registry for too long."""

    code = "registry_busy"

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__(
            f"the registry {path} is busy, gave up after {timeout:g} s",
            path=path,
            hint="try again, or raise --lock-timeout",
        )
        self.timeout = timeout


class LeaseConflictError(RegistryError):
    """
    Another checkout holds a port that cannot move.

    Attributes:
        port: The port, 1 to 65535.
        service: Our service that needs it.
        holder: The folder of the checkout that holds it.
    """

    code = "lease_conflict"

    def __init__(
        self, message: str, *, port: int, service: str, holder: str | None, hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.port = port
        self.service = service
        self.holder = holder

    def details(self) -> "Mapping[str, Any]":
        """Return the port, who needs it and who holds it."""
        return {"port": self.port, "service": self.service, "holder": self.holder}


class BlocksExhaustedError(RegistryError):
    """
    The instance range holds no further block.

    Attributes:
        first: First port of the instance range.
        last: Last port of the instance range, itself included.
        size: Ports that the block needs.
    """

    code = "blocks_exhausted"

    def __init__(self, *, first: int, last: int, size: int, taken: int) -> None:
        super().__init__(
            f"no free block of {size} ports in {first}-{last}:"
            f" {taken} of its ports are leased, others are in use",
            hint="run 'portconf gc', release checkouts that are not needed"
            " ('portconf leases' lists them), or widen tool.portconf.instance-range"
            if size <= last - first + 1
            else "the ports of the plan lie too far apart to move together: fix the far"
            " ones with the key 'port', or release them with 'portconf release NAME' and"
            " declare them anew",
        )
        self.first = first
        self.last = last
        self.size = size

    def details(self) -> "Mapping[str, Any]":
        """Return the range and the size."""
        return {"first": self.first, "last": self.last, "size": self.size}


class ForeignListenerError(PortconfError):
    """
    Somebody else's server listens on one of our ports.

    Attributes:
        listeners: Each foreign listener as JSON shows it.
    """

    exit_code = 7
    code = "foreign_listener"

    def __init__(
        self, message: str, *, listeners: "Iterable[Mapping[str, Any]]", hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.listeners = tuple(listeners)

    def details(self) -> "Mapping[str, Any]":
        """Return who listens where."""
        return {"listeners": list(self.listeners)}
