"""What `[tool.portconf]` can say, with its defaults."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from portconf.keys import key
from portconf.kinds import Choice, Count, Either, Matching, Never, Parsed, Port
from portconf.model import PortRange, Service
from portconf.templates import Template


if TYPE_CHECKING:
    from portconf.alerts import Alerts

PYPROJECT = "pyproject.toml"
GITIGNORE = ".gitignore"

# A declaration comes with a clone: it must not make us write to .git/hooks or out of
# the project.
FILE_PATTERN = (
    r"(?![^\n]*(?:^|/)(?:\.\.?|\.[gG][iI][tT])(?:/|$))(?!/)"
    r"[^\x00-\x1f\x7f\\/]+(?:/[^\x00-\x1f\x7f\\/]+)*"
)
_FILE = Matching(
    rule="a path inside the project, written with '/', without '..' or '.git'",
    pattern=FILE_PATTERN,
)
_FILE_OR_NONE = Either(kinds=(_FILE, Never()), rule="false, or " + _FILE.rule)


class Guard(StrEnum):
    """What happens when somebody else's server listens on one of our ports."""

    ERROR = "error"
    WARN = "warn"
    OFF = "off"


class Isolate(StrEnum):
    """Which processes of a test run have ports of their own."""

    WORKER = "worker"
    RUN = "run"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pytest:
    """How pytest uses the ports; its fields are the keys of `[tool.portconf.pytest]`."""

    isolate: Isolate = key(
        Choice(words_type=Isolate),
        Isolate.WORKER,
        "Who has ports of its own: each worker of pytest-xdist, or every run (which its"
        " workers share), or nobody.",
    )
    guard: Guard | None = key(
        Choice(words_type=Guard),
        None,
        "What a foreign server does to a run of pytest, where that is not to be what"
        " `guard` of `[tool.portconf]` says.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    A project's declaration.

    Attributes:
        services: The declared services, in their order.
        templates: The variables of `[tool.portconf.env]`, in their order.
        tests: What `[tool.portconf.pytest]` says.
        alerts: What `[tool.portconf.alerts]` says, or None where there is no such table.

    The other fields are the keys of `[tool.portconf]`.
    """

    base_port: int = key(Port(), 4000, "First port of the plan.")
    last_port: int = key(Port(), 32767, "The plan never goes past it.")
    instance_range: PortRange = key(
        Parsed(
            rule="two ports in rising order joined by '-', like '20000-29999'",
            pattern=r"[0-9]{1,5}-[0-9]{1,5}",
            parse=PortRange.parse,
        ),
        PortRange(first=20000, last=29999),
        "Where the blocks of shifted checkouts come from.",
    )
    block_size: int = key(
        Count(least=1, most=10000), 100, "Ports in a checkout's block."
    )
    assignments: str = key(
        _FILE, "config/port_assignments.json", "The plan's file, which is committed."
    )
    dotenv: str | None = key(
        _FILE_OR_NONE, ".env", "The file that gets our section; false: not written."
    )
    compose_env: str | None = key(
        _FILE_OR_NONE,
        ".env.compose",
        "The env file for Docker Compose; false: not written.",
    )
    shell_exports: str | None = key(
        _FILE_OR_NONE,
        "port_exports.sh",
        "The script that a shell sources; false: not written.",
    )
    guard: Guard = key(
        Choice(words_type=Guard),
        Guard.ERROR,
        "What a foreign server on one of our ports does to a test run: stops it, is"
        " only told, or is not looked for.",
    )
    services: tuple[Service, ...] = ()
    templates: tuple[Template, ...] = ()
    tests: Pytest = Pytest()
    alerts: "Alerts | None" = None

    def by_name(self) -> dict[str, Service]:
        """Return the declared services, in their order."""
        return {each.name: each for each in self.services}

    def service(self, name: str) -> Service | None:
        """Return the declared service of that name, or None."""
        return next((each for each in self.services if each.name == name), None)
