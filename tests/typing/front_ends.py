"""The invoke tasks and nox sessions as users write them: checked by mypy, never run."""

from typing import assert_type

import nox
from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

import portconf.nox
from portconf import tasks as ports


@task(pre=[ports.env])
def serve(c: Context) -> None:
    c.run("python -m shop")


ns = Collection(serve)
ns.add_collection(Collection.from_module(ports))


@portconf.nox.session
def bare(session: nox.Session) -> None:
    session.run("pytest")


@portconf.nox.session(python=["3.11", "3.12"], tags=["check"])
def called(session: nox.Session) -> None:
    session.run("pytest")


@portconf.nox.session(guard=False)
def unguarded(session: nox.Session) -> None:
    session.run("pytest")


@portconf.nox.session(guard="off")  # type: ignore[call-overload,untyped-decorator] # a bool
def wrongly_guarded(session: nox.Session) -> None:
    session.run("pytest")


@portconf.nox.session
@nox.parametrize("number", [1, 2])
def parametrised(session: nox.Session, number: int) -> None:
    session.run("pytest", str(number))


@nox.session
@portconf.nox.with_ports
def decorated(session: nox.Session) -> None:
    session.run("pytest")


@nox.session
@portconf.nox.with_ports(guard=False)
def decorated_unguarded(session: nox.Session) -> None:
    session.run("pytest")


@nox.session
def asked(session: nox.Session) -> None:
    assert_type(portconf.nox.with_ports(session), dict[str, str])
    assert_type(portconf.nox.with_ports(session, guard=False), dict[str, str])


portconf.nox.verbs()
