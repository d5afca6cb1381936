"""A main checkout, for the tests that give it worktrees and leases."""

import pytest
from checkouts import Checkout, free_ports, repository


@pytest.fixture
def base() -> int:
    """A base port with forty free ports."""
    return free_ports(40)


@pytest.fixture
def shop(tmp_path, base) -> Checkout:
    """A main checkout that declares services, committed, without a lease."""
    return repository(tmp_path / "shop", base)
