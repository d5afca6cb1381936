"""The historical face of portconf: `PortManager`, and its functions for one project."""

import os
import time
import warnings

from portconf import snapshot
from portconf.declaration import current_folder
from portconf.environment import RUN
from portconf.errors import ConfigError, RangeExhaustedError
from portconf.locks import LOCK_TIMEOUT
from portconf.names import NAME_RULE, name_problem
from portconf.project import Project
from portconf.settings import PYPROJECT, Settings


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    _Seen = tuple[tuple[str, snapshot.Fingerprint | None], ...]


# Looked up once: of the answer of a warm `get_port` each such look is a fiftieth.
_fingerprint, _monotonic = snapshot.fingerprint, time.monotonic
# A second os.stat at every call would make the answer half as slow again.
_LOOK = 0.02


class PortManager:
    """
    Assigns ports to services, and keeps them.

    It works on the project that holds its folder, or, where no `pyproject.toml`
    declares one, on `config/port_assignments.json` in the folder itself. It changes
    that file and no other: `portconf init` writes the exports. Any number of threads
    and processes may share a manager, or have one each.

    Args:
        base_port: First port of a plan that nobody declares and that is not begun;
            1 to 65535. Where one is declared or begun, that one counts.
        root: The folder; None stands for the current directory.
        lock_timeout: Seconds to wait while another process changes the plan.

    Warns:
        RuntimeWarning: If the registry is off in a linked worktree, whose numbers are
            then the main checkout's.

    Raises:
        ConfigError: If ``base_port`` is no port, or the project's declaration is wrong.
        RegistryError: If the machine's registry is refused.
    """

    def __init__(
        self,
        base_port: int = 4000,
        *,
        root: str | os.PathLike[str] | None = None,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        if type(base_port) is not int or not 1 <= base_port <= 65535:  # noqa: PLR2004 - the last port
            wrong = f"base_port must be an integer from 1 to 65535, got {base_port!r}"
            raise ConfigError(wrong)
        folder = None if root is None else os.fspath(root)
        self._project = Project.holding(folder, lock_timeout=lock_timeout) or Project(
            root=os.path.realpath(folder or os.curdir),
            settings=Settings(base_port=base_port, last_port=max(base_port, 32767)),
            lock_timeout=lock_timeout,
            leased=False,
        )
        for note in self._project.cautions(grave=True):
            warnings.warn(note, RuntimeWarning, stacklevel=2)
        self._path = os.path.join(
            self._project.root, self._project.settings.assignments
        )
        self._seen: tuple[snapshot.Fingerprint | None, dict[str, int]] = (None, {})
        self._registry: _Seen = ()
        self._next_look = 0.0

    @property
    def root(self) -> str:
        """The project's folder, as a real path."""
        return self._project.root

    def assign_port(self, service_name: str, purpose: str = "") -> int:
        """
        Return the service's port, which it gets now if it has none.

        The number is durable once this returns. Nobody listens on it because of that,
        and nothing keeps another program from taking it first.

        Args:
            service_name: Lower-case letters and digits joined by '-', '_' or '.'.
            purpose: What a new service is; a declared purpose wins, and a service
                that has a port keeps its own.

        Raises:
            ConfigError: If the name is refused.
            AssignmentError: If no port is left, or its fixed port is another's.
            StoreError: If the assignments file is refused, locked or not writable.
        """
        if name_problem(service_name):
            raise ConfigError(f"service name must be {NAME_RULE}, got {service_name!r}")
        self._project = self._project.current()
        updates = self._project.updates()
        known = updates.assigned(service_name)
        port = updates.assign(service_name, purpose) if known is None else known
        # Within a run the plan is the checkout's, but the port is the run's.
        return self._project.get(service_name) if os.environ.get(RUN) else port

    def get_port(self, service_name: str) -> int | None:
        """
        Return the service's effective port, or None where it has none.

        In a declared project this takes the checkout's lease where there is none. A
        lease that another process moves is seen 20 ms later at the latest.

        Raises:
            StoreError: If the assignments file is refused.
            RegistryError: If no lease is to be had.
        """
        # One os.stat while nothing changes: programs ask in loops.
        now = _fingerprint(self._path)
        known, ports = self._seen
        moment = _monotonic()
        late = moment > self._next_look
        if now is None or now != known or (late and not self._leased_still(moment)):
            before = time.time_ns()
            self._project = self._project.current()
            registry = _seen(self._inputs())
            ports = self._project.ports()
            sure = snapshot.settled(now, now_ns=before) and _old(registry, before)
            # What is not sure to hold must not stay either: the next look is not due.
            self._seen, self._registry = (now if sure else None, ports), registry
        return ports.get(service_name)

    def _inputs(self) -> tuple[str, ...]:
        """Return the files besides the plan whose change may change a port."""
        declared = os.path.join(self._project.root, PYPROJECT)
        return (declared, *self._project.registry_files())

    def _leased_still(self, moment: float) -> bool:
        """Tell whether the lease is sure to be what it was; remember that it was asked."""
        self._next_look = moment + _LOOK
        return all(snapshot.fingerprint(path) == seen for path, seen in self._registry)

    def get_next_port(self) -> int:
        """
        Return the number that the next new service gets, without assigning it.

        Raises:
            RangeExhaustedError: If there is none left.
            StoreError: If the assignments file is refused.
        """
        self._project = self._project.current()
        plan = self._project.plan()
        last = self._project.settings.last_port
        if plan.next_port > last:
            raise RangeExhaustedError(
                "the next service",
                first=plan.base_port,
                last=last,
                assigned=len(plan.services),
            )
        return plan.next_port + self._project.held(plan).shift

    def release_port(self, service_name: str) -> bool:
        """
        Give the service's number up; False if it had none.

        The number is not handed out again before a reset. A declared service gets a
        new one with the next `portconf init`.

        Raises:
            StoreError: If the assignments file is refused, locked or not writable.
        """
        return self._project.updates().forget(service_name)

    def reset_assignments(self) -> None:
        """
        Drop every assignment, without a question.

        Raises:
            StoreError: If the assignments file is refused, locked or not writable.
        """
        self._project.updates().forget_all()

    def export_env_vars(self) -> dict[str, str]:
        """
        Return the variables, in the order in which they are written to files.

        Nothing is written, and the process's own environment is not changed.

        Raises:
            AssignmentError: If a declared service has no port yet.
            StoreError: If the assignments file is refused.
        """
        self._project = self._project.current()
        return self._project.variables()


def _seen(paths: "Iterable[str]") -> "_Seen":
    return tuple((path, snapshot.fingerprint(path)) for path in paths)


def _old(files: "_Seen", now_ns: int) -> bool:
    """Tell whether every file that is there is sure to change visibly."""
    return all(s is None or snapshot.settled(s, now_ns=now_ns) for _, s in files)


_managers: "dict[str, tuple[_Seen, PortManager]]" = {}


def _manager() -> PortManager:
    """
    Return the manager of the project that holds the current directory.

    It is kept while the `pyproject.toml` that declares it stays as it is, and none
    appears nearer.
    """
    try:
        here = os.getcwd()
    except FileNotFoundError:
        here = current_folder()  # which words it
    known = _managers.get(here)
    if known:
        # A plain loop: all() of a generator costs a tenth of the whole answer.
        for path, seen in known[0]:
            if _fingerprint(path) != seen:
                break
        else:
            return known[1]
    before = time.time_ns()
    manager = PortManager(root=Project.find(here).root)
    looked = _fingerprints(here, manager.root)
    if snapshot.settled(looked[-1][1], now_ns=before):
        _managers[here] = (looked, manager)
    return manager


def _fingerprints(here: str, root: str) -> "_Seen":
    """Look at every `pyproject.toml` from ``here`` up to the project's, the last."""
    folders = [here]
    while folders[-1] != root:
        folders.append(os.path.dirname(folders[-1]))
    return _seen(os.path.join(folder, PYPROJECT) for folder in folders)


def assign_port(service_name: str, purpose: str = "") -> int:
    """
    Do what `PortManager.assign_port` does, in the current project.

    Raises:
        ConfigError: If the current directory lies in no project.
    """
    return _manager().assign_port(service_name, purpose)


def get_port(service_name: str) -> int | None:
    """
    Return a service's port in the current project, or None where it has none.

    Raises:
        ConfigError: If the current directory lies in no project.
        StoreError: If the assignments file is refused.
    """
    return _manager().get_port(service_name)


def get_next_port() -> int:
    """
    Return the number that the current project's next new service gets.

    Raises:
        ConfigError: If the current directory lies in no project.
        RangeExhaustedError: If there is none left.
    """
    return _manager().get_next_port()


def reset_ports() -> None:
    """
    Drop every assignment of the current project, without a question.

    Raises:
        ConfigError: If the current directory lies in no project.
        StoreError: If the assignments file is refused, locked or not writable.
    """
    _manager().reset_assignments()


def export_env_vars() -> dict[str, str]:
    """
    Return the current project's variables, in the order in which they are written.

    Raises:
        ConfigError: If the current directory lies in no project.
        AssignmentError: If a declared service has no port yet.
    """
    return _manager().export_env_vars()
