"""Containers that publish ports, asked of a stand-in for the Docker Engine."""

import errno
import json
import os
import socket
import time

import pytest
from dockerstub import COMPOSED, DOCUMENTED, engine, says

from portconf.model import Protocol
from portconf.ownership import Container
from portconf.sockets import containers, docker


pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="needs unix sockets"
)


def ask(answer, monkeypatch, **options) -> dict[tuple[int, Protocol, str], Container]:
    with engine(answer) as (path, _):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        return containers(**options)


def test_the_documented_answer_is_understood(monkeypatch):
    found = ask(says(DOCUMENTED), monkeypatch)

    assert found == {(3333, Protocol.TCP, ""): Container(name="boring_feynman")}


def test_a_container_of_compose_has_project_and_folder(monkeypatch):
    found = ask(says(COMPOSED), monkeypatch)

    postgres = Container(
        name="shop-postgres-1", project="shop", folder="/home/you/shop"
    )
    assert found == {
        (4001, Protocol.TCP, "0.0.0.0"): postgres,  # noqa: S104 - what the engine says
        (4001, Protocol.TCP, "::"): postgres,
    }


def test_the_running_ones_are_asked_for_once_by_http_1_0(monkeypatch):
    with engine(says(COMPOSED)) as (path, asked):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        containers()

    (request,) = asked
    assert request.startswith(b"GET /containers/json HTTP/1.0\r\n")
    assert request.endswith(b"\r\n\r\n")


def test_without_docker_host_the_usual_socket_is_asked(monkeypatch):
    with engine(says(COMPOSED)) as (path, _):
        monkeypatch.setenv("DOCKER_HOST", "")
        monkeypatch.setattr(docker, "_DEFAULT", path)
        empty = containers()
        monkeypatch.delenv("DOCKER_HOST")
        unset = containers()

    assert {port for port, _, _ in empty} == {port for port, _, _ in unset} == {4001}


@pytest.mark.parametrize(
    "host",
    ["tcp://127.0.0.1:2375", "ssh://you@example.org", "npipe:////./pipe/x", "fd://"],
)
def test_an_engine_that_may_be_another_machines_is_not_asked(host, monkeypatch):
    with engine(says(COMPOSED)) as (path, asked):
        monkeypatch.setenv("DOCKER_HOST", host)
        monkeypatch.setattr(docker, "_DEFAULT", path)

        assert containers() == {}
    assert asked == []


@pytest.mark.parametrize(
    "path",
    ["/nowhere/docker.sock", "", "relative.sock", "/" + "x" * 300, "/a\0b", "/"],
)
def test_without_an_engine_there_are_no_containers(path, monkeypatch):
    monkeypatch.setattr(docker, "_path", lambda _: path)

    assert containers() == {}


def test_an_engine_that_we_may_not_ask_has_no_containers(monkeypatch):
    class Refused(socket.socket):
        def connect(self, _address):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("socket.socket", Refused)

    assert containers() == {}


@pytest.mark.parametrize(
    "answer",
    [
        says({"message": "server error"}, status="500 Internal Server Error"),
        says(COMPOSED, status="404 Not Found"),
        says(b"not JSON"),
        says(b"\xff\xfe\x00"),
        says(b""),
        says(json.dumps(COMPOSED).encode()[:-20]),
        says(b"[" * 500_000),
        says(b"[" + b"9" * 10_000 + b"]"),
        says({"message": "an object"}),
        says(None),
        says([None, 1, "x", [], {}]),
        says([{"Names": ["/x"], "Ports": None}]),
        says([{"Names": ["/x"], "Ports": {"80/tcp": []}}]),
        says([{"Names": ["/x"], "Ports": [None, 1, {"PublicPort": "80"}]}]),
        says([{"Names": ["/x"], "Ports": [{"PublicPort": 0}, {"PublicPort": 65536}]}]),
        says([{"Names": [1], "Ports": [{"PublicPort": 80}]}]),
        says([{"Names": ["/"], "Ports": [{"PublicPort": 80}]}]),
        lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n"),
        lambda connection, _: connection.sendall(b"HTTP/1.0\r\n\r\n[]"),
        lambda *_: None,
    ],
)
def test_an_answer_that_is_not_understood_is_no_container(answer, monkeypatch):
    assert ask(answer, monkeypatch) == {}


def test_what_is_wrong_with_one_container_hides_no_other(monkeypatch):
    odd = [
        {"Id": "4cb07b47f9fb", "Ports": [{"PublicPort": 81}]},
        {"Names": ["/x"], "Labels": [], "Ports": [{"PublicPort": 82}]},
        {
            "Names": ["/y"],
            "Labels": {
                "com.docker.compose.project": 7,
                "com.docker.compose.project.working_dir": "",
            },
            "Ports": [{"PublicPort": 83}],
        },
    ]

    found = ask(says([None, *odd, *COMPOSED]), monkeypatch)

    names = {port: each.name for (port, _, _), each in found.items()}
    assert sorted(names) == [81, 82, 83, 4001]
    assert found[81, Protocol.TCP, ""] == Container(name="4cb07b47f9fb")
    assert found[82, Protocol.TCP, ""] == Container(name="x")
    assert found[83, Protocol.TCP, ""] == Container(name="y")


def silent(_connection, stop):
    stop.wait(5)


def trickling(connection, stop):
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n[")
    for _ in range(250):
        connection.sendall(b" ")
        if stop.wait(0.02):
            break


def endless(connection, _stop):
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n[")
    while True:  # until the other side closes
        connection.sendall(b" " * 65536)


@pytest.mark.parametrize("answer", [silent, trickling, endless])
def test_an_engine_never_takes_longer_than_it_may(answer, monkeypatch):
    with engine(answer) as (path, _):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        began = time.monotonic()
        found = containers(timeout=0.3)
        took = time.monotonic() - began

    assert found == {}
    assert took < 0.3 + 0.5  # a busy machine may be late to notice


def test_a_long_list_is_read_whole(monkeypatch):
    many = [
        {**COMPOSED[0], "Names": [f"/c{n}"], "Ports": [{"PublicPort": n}]}
        for n in range(1, 2001)
    ]

    assert len(ask(says(many), monkeypatch, timeout=10)) == 2000
