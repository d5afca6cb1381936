"""
The ports in nox sessions: `session`, `with_ports`, and the verbs as sessions.

    import portconf.nox

    @portconf.nox.session            # instead of nox.session
    def tests(session): ...

    portconf.nox.verbs()             # nox -s ports-init, ports-status, ...
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar, overload

import nox


if TYPE_CHECKING:
    from portconf.project import Project

_Body = TypeVar("_Body", bound=Callable[..., Any])
VERBS = {
    "init": "Assign what is declared, lease the ports, write the files.",
    "status": "Show the services, their ports and who listens on them.",
    "export": "Write the files, or print one format.",
    "reset": "Drop all assignments, and the lease.",
}


@overload
def session(
    func: _Body, /, *, guard: bool = True, isolate: bool = False, **options: Any
) -> _Body: ...
@overload
def session(
    func: None = None, /, *, guard: bool = True, isolate: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], Any]: ...
def session(
    func: Callable[..., Any] | None = None,
    /,
    *,
    guard: bool = True,
    isolate: bool = False,
    **options: Any,
) -> Any:
    """
    Declare a session as `nox.session` does, with the ports in its environment.

    Args:
        func: The session; None where the decorator is called.
        guard: Whether a foreign server on one of our ports ends nox with exit code 7
            before the session begins; False leaves the ports unwatched.
        isolate: Whether each run of the session has a block of ports of its own, which
            ends with it; False stands for the checkout's ports, where its servers are.
        **options: What `nox.session` takes.
    """
    if func is None:
        return partial(session, guard=guard, isolate=isolate, **options)
    return nox.session(with_ports(func, guard=guard, isolate=isolate), **options)


@overload
def with_ports(
    target: nox.Session, /, *, guard: bool = True, isolate: bool = False
) -> dict[str, str]: ...
@overload
def with_ports(
    target: _Body, /, *, guard: bool = True, isolate: bool = False
) -> _Body: ...
@overload
def with_ports(
    target: None = None, /, *, guard: bool = True, isolate: bool = False
) -> Callable[[_Body], _Body]: ...
def with_ports(
    target: Any = None, /, *, guard: bool = True, isolate: bool = False
) -> Any:
    """
    Put the ports into a session's environment, and look who listens on them.

    Called with a session, it does so at once and returns the variables. As a
    decorator it stands below the session's own: the variables of this checkout win
    over those of the shell that started nox.

    Args:
        target: A session, or the function that is to become one; None where the
            decorator is called.
        guard: Whether a foreign server on one of our ports ends nox with exit code 7;
            `guard` in `[tool.portconf]` says so for all.
        isolate: Whether the session has a block of ports of its own, until it ends;
            called with a session, until nox ends.

    Raises:
        TypeError: If it stands above the session's decorator, where nox would run the
            function without the ports.
    """
    if target is None:
        return partial(with_ports, guard=guard, isolate=isolate)
    if isinstance(target, nox.Session):
        return _export(target, guard=guard, isolate=isolate).variables()
    if not callable(target) or hasattr(target, "venv_backend"):
        raise TypeError(
            "with_ports stands below the session's decorator:\n"
            "    @nox.session\n    @with_ports\n    def tests(session): ..."
        )

    @wraps(target)
    def wrapper(current: nox.Session, *args: Any, **kwargs: Any) -> Any:
        project = _export(current, guard=guard, isolate=isolate)
        try:
            return target(current, *args, **kwargs)
        finally:
            project.end()

    return wrapper


def verbs() -> None:
    """
    Declare `ports-init`, `ports-status`, `ports-export` and `ports-reset`.

    They are never among the sessions that a bare `nox` runs. What stands after `--`
    goes to the verb: `nox -s ports-status -- --json`.
    """
    for name, about in VERBS.items():
        declare = nox.session(name=f"ports-{name}", default=False, python=False)
        declare(_verb(name, about))


def _verb(name: str, about: str) -> Callable[[nox.Session], None]:
    def run(current: nox.Session) -> None:
        from portconf.cli import main  # noqa: PLC0415 - `nox -l` lists without it

        code = main([name, *current.posargs], program="ports")
        if code:
            current.error(f"ports-{name} ended with exit code {code}")

    run.__doc__ = about  # what `nox -l` shows
    return run


def _export(current: nox.Session, *, guard: bool, isolate: bool) -> "Project":
    from portconf.environment import left_over  # noqa: PLC0415
    from portconf.errors import (  # noqa: PLC0415 - `nox -l` lists without
        ForeignListenerError,
        PortconfError,
    )
    from portconf.project import Project  # noqa: PLC0415

    with ExitStack() as undo:
        try:
            found = Project.find()
            if isolate:
                (found,) = found.isolated(str(current.name))
                undo.callback(found.end)  # nox goes on after a session that fails
            variables = found.variables()
            for note in found.guard().notes if guard else found.cautions(grave=True):
                current.warn(f"portconf: {note}")
        except ForeignListenerError as error:
            # nox ends with 1 where a session fails: only leaving tells a script the code.
            for line in f"{error.message}\nhint: {error.hint}".splitlines():
                current.log(f"portconf: {line}")
            raise SystemExit(error.exit_code) from error
        except PortconfError as error:
            hint = f" (hint: {error.hint})" if error.hint else ""
            current.error(f"portconf: {error.message}{hint}")
        # What an earlier call has put there as well.
        there = os.environ | {k: v for k, v in current.env.items() if v is not None}
        for name in left_over(there, variables):
            current.env[name] = None  # nox takes it away
        current.env.update(variables)
        undo.pop_all()
    return found
