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
├── HealthError 6            a service does not answer, or not as it should
├── ForeignListenerError 7   somebody else's server listens on one of our ports
└── PortInUseError 7         one of our ports cannot be bound
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
    parts: "ClassVar[tuple[str, ...]]" = ()  # the attributes that `details` tells

    def __init_subclass__(
        cls,
        *,
        code: str,
        exit_code: int | None = None,
        parts: "tuple[str, ...] | None" = None,
    ) -> None:
        """Declare a kind of error; what is not said is as in the class above."""
        super().__init_subclass__()
        cls.code = code
        cls.exit_code = exit_code or cls.exit_code
        cls.parts = cls.parts if parts is None else parts

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def details(self) -> "Mapping[str, Any]":
        """Return the parts of the error that a program may want, JSON-ready."""
        found = {name: getattr(self, name) for name in self.parts}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()}


class UsageError(PortconfError, code="usage", exit_code=2):
    """The command line is wrong."""


class ConfigError(PortconfError, code="config", exit_code=2, parts=("problems",)):
    """
    The declaration is wrong.

    Attributes:
        problems: Every problem of the file, in its order, one line each.
    """

    def __init__(self, *problems: str, hint: str | None = None) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


class AssignmentError(PortconfError, code="assignment", exit_code=3):
    """A service has no port, or cannot be given one."""


class PortConflictError(
    AssignmentError, code="port_conflict", parts=("port", "services")
):
    """
    Two services want one port.

    Attributes:
        port: The port, 1 to 65535.
        services: Both names; the one that keeps or came first leads.
    """

    def __init__(
        self, message: str, *, port: int, services: "Iterable[str]", hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.port = port
        self.services = tuple(services)


class RangeExhaustedError(
    AssignmentError, code="range_exhausted", parts=("service", "first", "last")
):
    """
    The plan's range holds no further port.

    Attributes:
        service: The name that got none.
        first: First port of the plan's range.
        last: Last port of the plan's range, itself included.
    """

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


class StoreError(PortconfError, code="store", exit_code=4, parts=("path",)):
    """
    A file that portconf keeps cannot be read or written.

    Attributes:
        path: The file.
    """

    def __init__(self, message: str, *, path: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class StoreLockedError(StoreError, code="store_locked"):
    """Another command holds the lock."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__(
            f"{path} is locked by another portconf command, gave up after {timeout:g} s",
            path=path,
            hint="wait for it to finish, or raise --lock-timeout",
        )
        self.timeout = timeout


class StoreFormatError(StoreError, code="store_format"):
    """The assignments file is not what it must be; it was left untouched."""


class FileConflictError(StoreError, code="file_conflict"):
    """Writing the file would lose what somebody else wrote; nothing was written."""


class RegistryError(PortconfError, code="registry", exit_code=5, parts=("path",)):
    """
    The machine's registry is refused, or gives no lease.

    Attributes:
        path: The registry's file, or None where no one file is to blame.
    """

    def __init__(
        self, message: str, *, path: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class RegistryBusyError(RegistryError, code="registry_busy"):
    """Other commands kept the registry for too long."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__(
            f"the registry {path} is busy, gave up after {timeout:g} s",
            path=path,
            hint="try again, or raise --lock-timeout",
        )
        self.timeout = timeout


class LeaseConflictError(
    RegistryError, code="lease_conflict", parts=("port", "service", "holder")
):
    """
    Another checkout holds a port that cannot move.

    Attributes:
        port: The port, 1 to 65535.
        service: Our service that needs it.
        holder: The folder of the checkout that holds it.
    """

    def __init__(
        self, message: str, *, port: int, service: str, holder: str | None, hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.port = port
        self.service = service
        self.holder = holder


class BlocksExhaustedError(
    RegistryError, code="blocks_exhausted", parts=("first", "last", "size")
):
    """
    The instance range holds no further block.

    Attributes:
        first: First port of the instance range.
        last: Last port of the instance range, itself included.
        size: Ports that the block needs.
    """

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


class HealthError(PortconfError, code="health", exit_code=6, parts=("services",)):
    """
    A service does not answer, or not as it should.

    Attributes:
        services: Each service that was asked, as JSON shows it.
    """

    def __init__(
        self, message: str, *, services: "Iterable[Mapping[str, Any]]", hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.services = tuple(services)


class ForeignListenerError(
    PortconfError, code="foreign_listener", exit_code=7, parts=("listeners",)
):
    """
    Somebody else's server listens on one of our ports.

    Attributes:
        listeners: Each foreign listener as JSON shows it.
    """

    def __init__(
        self, message: str, *, listeners: "Iterable[Mapping[str, Any]]", hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.listeners = tuple(listeners)


class PortInUseError(PortconfError, code="port_in_use", exit_code=7, parts=("ports",)):
    """
    One of our ports cannot be bound, and not because of somebody else's server.

    Attributes:
        ports: Those, in rising order.
    """

    def __init__(
        self, message: str, *, ports: "Iterable[int]", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.ports = tuple(sorted(ports))
