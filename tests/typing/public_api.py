"""The public API as users write it: checked by mypy, never run."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

import portconf
from portconf import (
    AssignmentError,
    ConfigError,
    ForeignListenerError,
    Lease,
    Plan,
    PortconfError,
    PortInUseError,
    PortManager,
    PortRange,
    Project,
    RegistryError,
    Service,
    Settings,
    StoreError,
    assign_port,
    export_env_vars,
    get_next_port,
    get_port,
    listen,
    reset_ports,
)
from portconf.ownership import Verdict
from portconf.settings import Guard
from portconf.status import Watched


def historical() -> None:
    assert_type(get_port("postgres"), int | None)
    assert_type(assign_port("postgres", "PostgreSQL Database"), int)
    assert_type(get_port("postgres") or assign_port("postgres"), int)
    assert_type(get_next_port(), int)
    assert_type(export_env_vars(), dict[str, str])
    reset_ports()


def sockets() -> None:
    assert_type(listen("web"), socket.socket)
    with listen("web") as listener:
        listener.accept()
    listen(4000)  # type: ignore[arg-type] # a service


def manager(folder: Path) -> None:
    ports = PortManager(4000)
    assert_type(ports.assign_port("web"), int)
    assert_type(ports.get_port("web"), int | None)
    assert_type(ports.release_port("web"), bool)
    assert_type(ports.export_env_vars(), dict[str, str])
    ports.reset_assignments()
    PortManager(base_port=5000, root=folder, lock_timeout=1.5)
    PortManager(root="/home/you/shop")
    PortManager(4000, folder)  # type: ignore[call-arg] # keyword-only
    PortManager("4000")  # type: ignore[arg-type] # a number
    ports.assign_port(4000)  # type: ignore[arg-type] # the name comes first


def project() -> None:
    found = Project.find("/home/you/shop")
    assert_type(found, Project)
    assert_type(found.settings, Settings)
    assert_type(found.plan(), Plan)
    assert_type(found.get("web"), int)
    assert_type(found.variables(), dict[str, str])
    assert_type(found.settings.services, tuple[Service, ...])
    assert_type(found.check(), tuple[str, ...])
    assert_type(found.check(os.environ), tuple[str, ...])
    found.init(force=True, dry_run=True)
    found.init(relocate=True)
    found.init("web")  # type: ignore[call-arg,arg-type] # keyword-only
    found.root = "/home/you/other"  # type: ignore[misc] # frozen


def leases() -> None:
    found = Project.find()
    assert_type(found.lease(), Lease | None)
    assert_type(found.ports(), dict[str, int])
    assert_type(found.init().lease, Lease | None)
    assert_type(found.status(os.environ).lease, Lease | None)
    lease = found.lease()
    if lease:
        assert_type(lease.number, int)
        assert_type(lease.instance, int)
        assert_type(lease.shift, int)
        assert_type(lease.block, PortRange | None)
        assert_type(lease.ports, Mapping[int, str])
        assert_type(lease.service_ports(), dict[int, str])
        assert_type(lease.range, str)
        lease.shift = 0  # type: ignore[misc] # frozen


def guard() -> None:
    found = Project.find()
    watched = found.guard(os.environ)
    assert_type(watched, Watched)
    assert_type(watched.notes, tuple[str, ...])
    found.guard()
    found.guard(mode=Guard.WARN)
    found.guard(mode="warn")  # type: ignore[arg-type] # a value of its own
    for name, seen in watched.seen:
        assert_type(name, str)
        assert_type(seen.verdict, Verdict)
    for row in found.status().rows:
        assert_type(row.port, int | None)
        assert_type(row.assigned, int | None)
        assert_type(row.state, str | None)


def errors() -> str | None:
    try:
        get_port("web")
    except ConfigError as error:
        assert_type(error.problems, tuple[str, ...])
    except StoreError as error:
        assert_type(error.path, str)
    except RegistryError as error:
        assert_type(error.path, str | None)
    except ForeignListenerError as error:
        assert_type(error.listeners, tuple[Mapping[str, Any], ...])
    except PortInUseError as error:
        assert_type(error.ports, tuple[int, ...])
    except AssignmentError as error:
        return error.hint
    except PortconfError as error:
        assert_type(error.exit_code, int)
        return error.message
    return None


def unknown() -> None:
    portconf.nothing()  # type: ignore[attr-defined] # not public
