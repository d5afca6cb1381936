"""The fixtures, as a plugin that only a project with ports has."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from portconf.pytest_plugin.equipment import Equipment


if TYPE_CHECKING:
    import socket  # noqa: TID251 - the name of what is returned

    from portconf.model import Endpoint

EQUIPMENT = pytest.StashKey[Equipment]()
"""Where the configuration has what this process has of its project."""


@pytest.fixture(scope="session")
def ports(pytestconfig: pytest.Config) -> Mapping[str, int]:
    """The effective port of each service, by its name: `ports["web"]`."""
    return MappingProxyType(pytestconfig.stash[EQUIPMENT].project.ports())


@pytest.fixture(scope="session")
def port(pytestconfig: pytest.Config) -> Callable[[str], int]:
    """A function that returns the effective port of a service: `port("web")`."""
    return pytestconfig.stash[EQUIPMENT].project.get


@pytest.fixture(scope="session")
def endpoints(pytestconfig: pytest.Config) -> "Mapping[str, Endpoint]":
    """Where each service is reached, by its name: `endpoints["web"].url`."""
    found = pytestconfig.stash[EQUIPMENT].project.endpoints()
    return MappingProxyType({each.name: each for each in found})


@pytest.fixture
def free_port(pytestconfig: pytest.Config) -> Iterator[int]:
    """A port of nobody's, leased for this test."""
    from portconf import spare  # noqa: PLC0415 - for tests that ask for a port

    project = pytestconfig.stash[EQUIPMENT].project
    (number,) = project.free_ports()
    yield number
    spare.pool(project.root).put_back(number)


@pytest.fixture
def bound_socket(
    pytestconfig: pytest.Config,
) -> "Iterator[Callable[[str], socket.socket]]":
    """
    A function that returns a socket on a service's port: `bound_socket("web")`.

    It listens until the test ends, on 127.0.0.1.
    """
    from portconf import listening  # noqa: PLC0415 - for tests that serve

    with ExitStack() as stack:

        def bound(name: str) -> "socket.socket":
            return stack.enter_context(
                listening.serving(pytestconfig.stash[EQUIPMENT].project, name)
            )

        yield bound
