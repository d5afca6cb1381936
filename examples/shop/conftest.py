"""The servers of the tests: each worker of pytest has its own, on ports of its own."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from socket import socket

import httpx2
import psycopg
import pytest
import uvicorn
from pytest_postgresql import factories
from redis import Redis
from shop.app import app

from portconf.project import Project


HERE = Path(__file__).parent

# portconf has set the variables before this file is imported.
postgres_server = factories.postgresql_proc(
    executable=str(HERE / "bin" / "pg_ctl"),
    port=int(os.environ["POSTGRES_PORT"]),
    user="shop",
    dbname="shop",
    load=[HERE / "shop" / "schema.sql"],
    postgres_options="-c unix_socket_directories=''",
)
database = factories.postgresql("postgres_server")  # empty again for each test


@pytest.fixture(scope="session")
def redis_server(ports: Mapping[str, int]) -> Iterator[Redis]:
    """Redis, for as long as the worker runs; it writes nothing to disk."""
    words = ["redis-server", "--port", str(ports["redis"]), "--bind", "127.0.0.1"]
    words += ["--save", "", "--dbfilename", "none.rdb"]
    with (
        subprocess.Popen(words, stdout=subprocess.DEVNULL) as server,
        Redis(port=ports["redis"]) as client,
    ):
        try:
            Project.find().wait("redis")
            yield client
        finally:
            server.terminate()


@pytest.fixture
def cache(redis_server: Redis) -> Redis:
    """Redis, empty."""
    redis_server.flushall()
    return redis_server


@pytest.fixture
def shop(
    database: psycopg.Connection, cache: Redis, bound_socket: Callable[[str], socket]
) -> Iterator[httpx2.Client]:
    """The shop under uvicorn, asked over HTTP; the port is bound before it starts."""
    listener = bound_socket("web")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        Project.find().wait("web")
        host, port = listener.getsockname()
        with httpx2.Client(base_url=f"http://{host}:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
