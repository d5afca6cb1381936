"""The public API as users write it: checked by mypy, never run."""

from pathlib import Path
from typing import assert_type

import portconf
from portconf import (
    AssignmentError,
    ConfigError,
    Plan,
    PortconfError,
    PortManager,
    Project,
    Service,
    Settings,
    StoreError,
    assign_port,
    export_env_vars,
    get_next_port,
    get_port,
    reset_ports,
)


def historical() -> None:
    assert_type(get_port("postgres"), int | None)
    assert_type(assign_port("postgres", "PostgreSQL Database"), int)
    assert_type(get_port("postgres") or assign_port("postgres"), int)
    assert_type(get_next_port(), int)
    assert_type(export_env_vars(), dict[str, str])
    reset_ports()


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
    found.init(force=True, dry_run=True)
    found.root = "/home/you/other"  # type: ignore[misc] # frozen


def errors() -> str | None:
    try:
        get_port("web")
    except ConfigError as error:
        assert_type(error.problems, tuple[str, ...])
    except StoreError as error:
        assert_type(error.path, str)
    except AssignmentError as error:
        return error.hint
    except PortconfError as error:
        assert_type(error.exit_code, int)
        return error.message
    return None


def unknown() -> None:
    portconf.nothing()  # type: ignore[attr-defined] # not public
