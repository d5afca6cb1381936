"""
The verbs as invoke tasks, in a collection named `ports`.

In a `tasks.py` without tasks of its own:

    from invoke import Collection
    from portconf import tasks as ports

    ns = Collection(ports)

In one with tasks, `ns.add_collection(ports)` after `ns = Collection.from_module(...)`.
A task with `pre=[ports.env]` has the ports in every `c.run()`.
"""

# Imported on every `inv -l` and at every TAB: nothing of portconf but its main.
from collections.abc import Sequence

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from portconf.cli import main, say


def _verb(*words: str, **flags: bool | str | None) -> None:
    """Run one verb as the command line does."""
    given = {f"--{name.replace('_', '-')}": flag for name, flag in flags.items()}
    options = [
        option if value is True else f"{option}={value}"
        for option, value in given.items()
        if value not in (None, False, "")
    ]
    code = main([*words, *options], program="ports")
    if code:
        # The message is printed already; invoke prints none for None.
        raise Exit(code=code)


@task
def init(
    _c: Context,
    force: bool = False,
    gitignore: bool = False,
    relocate: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Assign what is declared, lease the ports, write the files."""
    _verb(
        "init",
        force=force,
        gitignore=gitignore,
        relocate=relocate,
        dry_run=dry_run,
        json=json,
    )


@task
def status(
    _c: Context,
    all: bool = False,  # noqa: A002 - the option's name
    json: bool = False,
) -> None:
    """Show the services, their ports and who listens on them."""
    _verb("status", all=all, json=json)


@task(iterable=["service"])
def wait(
    _c: Context,
    service: Sequence[str] | None = None,
    timeout: str = "",
    json: bool = False,
) -> None:
    """Wait until services answer; all, unless --service names some."""
    _verb("wait", *(service or ()), timeout=timeout, json=json)


@task(iterable=["service"])
def health(
    _c: Context,
    service: Sequence[str] | None = None,
    timeout: str = "",
    json: bool = False,
) -> None:
    """Ask services once whether they answer; all, unless --service names some."""
    _verb("health", *(service or ()), timeout=timeout, json=json)


@task
def guard(_c: Context, json: bool = False) -> None:
    """Fail where somebody else's server listens on one of our ports."""
    _verb("guard", json=json)


@task
def leases(_c: Context, json: bool = False) -> None:
    """List which checkout holds which ports of this machine."""
    _verb("leases", json=json)


@task
def gc(_c: Context, dry_run: bool = False, json: bool = False) -> None:
    """Free the leases of checkouts that are gone."""
    _verb("gc", dry_run=dry_run, json=json)


@task
def export(
    _c: Context,
    format: str = "",  # noqa: A002 - the option's name
    output: str = "",
    all_checkouts: bool = False,
    listen: str = "",
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Write the files, or print one format."""
    _verb(
        "export",
        format=format,
        output=output,
        all_checkouts=all_checkouts,
        listen=listen,
        force=force,
        dry_run=dry_run,
        json=json,
    )


@task
def reset(
    _c: Context,
    yes: bool = False,
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Drop all assignments, after a question."""
    _verb("reset", yes=yes, force=force, dry_run=dry_run, json=json)


@task
def check(_c: Context, json: bool = False) -> None:
    """Fail where declaration, plan, files and exports disagree."""
    _verb("check", json=json)


@task
def add(
    _c: Context,
    name: str,
    purpose: str = "",
    port: str = "",
    container_port: str = "",
    variable: str = "",
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Declare a service, and assign it."""
    _verb(
        "add",
        name,
        purpose=purpose,
        port=port,
        container_port=container_port,
        env=variable,
        dry_run=dry_run,
        json=json,
    )


@task(iterable=["path"])
def adopt(
    _c: Context,
    path: Sequence[str] | None = None,
    write: bool = False,
    json: bool = False,
) -> None:
    """Declare the ports that Compose, .env and others have today; --path names some."""
    _verb("adopt", *(path or ()), write=write, json=json)


@task
def release(_c: Context, name: str, dry_run: bool = False, json: bool = False) -> None:
    """Give a service's number up."""
    _verb("release", name, dry_run=dry_run, json=json)


@task
def release_checkout(
    _c: Context,
    path: str,
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Give up what the checkout at a path has leased."""
    _verb("release", checkout=path, force=force, dry_run=dry_run, json=json)


@task
def why(_c: Context, name: str, json: bool = False) -> None:
    """Tell where a service's number comes from."""
    _verb("why", name, json=json)


@task
def get(_c: Context, name: str, json: bool = False) -> None:
    """Print one service's port, and nothing else."""
    _verb("get", name, json=json)


@task
def schema(_c: Context) -> None:
    """Print the JSON Schema of [tool.portconf]."""
    _verb("schema")


@task
def env(c: Context) -> None:
    """Give every later `c.run()` of this run the ports: for `pre=[...]`."""
    import os  # noqa: PLC0415

    from portconf.environment import left_over  # noqa: PLC0415
    from portconf.errors import PortconfError  # noqa: PLC0415
    from portconf.project import Project  # noqa: PLC0415

    try:
        found = Project.find()
        variables = found.variables()
        for note in found.cautions(grave=True):
            say(f"ports: warning: {note}")
    except PortconfError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        raise Exit(f"ports: {error.message}{hint}", code=error.exit_code) from None
    for name in left_over(os.environ, variables):
        del os.environ[name]
    # For `c.run(..., env={...})` too, which replaces what the configuration holds.
    os.environ.update(variables)
    c.config.run.env.update(variables)


def environment() -> dict[str, str]:
    """
    Return the variables for `ns.configure({"run": {"env": ports.environment()}})`.

    Every task then has them. It runs whenever tasks are listed or completed, so
    nothing that is wrong raises: where there are no ports yet, there are none.
    """
    from portconf.errors import PortconfError  # noqa: PLC0415
    from portconf.project import Project  # noqa: PLC0415

    try:
        return Project.find().listed_variables()
    except PortconfError:
        return {}


ns = Collection(
    "ports",
    *(init, status, export, reset, wait, health, guard, check, add, adopt, release),
    *(why, get, release_checkout, leases, gc, schema, env),
)
