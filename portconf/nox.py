"""
The ports in nox sessions: `session`, `with_ports`, and the verbs as sessions.

    import portconf.nox

    @portconf.nox.session            # instead of nox.session
    def tests(session): ...

    portconf.nox.verbs()             # nox -s ports-init, ports-status, ...
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar, overload

import nox


_Body = TypeVar("_Body", bound=Callable[..., Any])
VERBS = {
    "init": "Assign what is declared, write the files.",
    "status": "Show the services and their ports.",
    "export": "Write the files, or print one format.",
    "reset": "Drop all assignments.",
}


@overload
def session(func: _Body, /, **options: Any) -> _Body: ...
@overload
def session(
    func: None = None, /, **options: Any
) -> Callable[[Callable[..., Any]], Any]: ...
def session(func: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """
    Declare a session as `nox.session` does, with the ports in its environment.

    Args:
        func: The session; None where the decorator is called.
        **options: What `nox.session` takes.
    """
    if func is None:
        return partial(session, **options)
    return nox.session(with_ports(func), **options)


@overload
def with_ports(target: nox.Session, /) -> dict[str, str]: ...
@overload
def with_ports(target: _Body, /) -> _Body: ...
def with_ports(target: Any, /) -> Any:
    """
    Put the ports into a session's environment.

    Called with a session, it does so at once and returns the variables. As a
    decorator it stands below the session's own: the variables of this checkout win
    over those of the shell that started nox.

    Args:
        target: A session, or the function that is to become one.

    Raises:
        TypeError: If it stands above the session's decorator, where nox would run the
            function without the ports.
    """
    if isinstance(target, nox.Session):
        return _export(target)
    if not callable(target) or hasattr(target, "venv_backend"):
        raise TypeError(
            "with_ports stands below the session's decorator:\n"
            "    @nox.session\n    @with_ports\n    def tests(session): ..."
        )

    @wraps(target)
    def wrapper(current: nox.Session, *args: Any, **kwargs: Any) -> Any:
        _export(current)
        return target(current, *args, **kwargs)

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


def _export(current: nox.Session) -> dict[str, str]:
    from portconf.errors import PortconfError  # noqa: PLC0415 - `nox -l` lists without
    from portconf.project import Project  # noqa: PLC0415

    try:
        variables = Project.find().variables()
    except PortconfError as error:
        hint = f" (hint: {error.hint})" if error.hint else ""
        current.error(f"portconf: {error.message}{hint}")
    current.env.update(variables)
    return variables
