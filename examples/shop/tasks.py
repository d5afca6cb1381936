"""`invoke up` and `invoke down`, and the ports: `invoke --list`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from portconf import tasks as ports


HERE = Path(__file__).parent
DATA = HERE / ".data"  # the servers' files: each checkout has its own
PG_CTL = "bin/pg_ctl -s -D .data/postgres"


@task(pre=[ports.init, ports.guard, ports.env])
def up(c: Context) -> None:
    """Bring PostgreSQL, Redis and the shop up, on the ports of this checkout."""
    DATA.mkdir(exist_ok=True)
    with c.cd(HERE):
        _postgres(c)
        _redis(c)
    _web()
    ports.wait(c)
    print(f"the shop is at http://127.0.0.1:{os.environ['WEB_PORT']}")


@task
def down(c: Context) -> None:
    """End what `up` has started in this checkout; the data stay."""
    for name in ("web", "redis"):
        _end(name)
    with c.cd(HERE):
        if c.run(f"{PG_CTL} status", hide=True, warn=True):
            c.run(f"{PG_CTL} stop -m fast")


def _postgres(c: Context) -> None:
    if c.run(f"{PG_CTL} status", hide=True, warn=True):
        return
    if not (DATA / "postgres" / "PG_VERSION").exists():
        c.run(f"{PG_CTL} initdb -o '--username=shop --auth=trust'")
    options = "-p $POSTGRES_PORT -c listen_addresses=127.0.0.1"
    # Debian's folder for the socket is the postgres user's: TCP is enough.
    options += " -c unix_socket_directories=''"
    c.run(f'{PG_CTL} start -w -l .data/postgres.log -o "{options}"')
    # Fails where it exists already; the next line fails where it does not.
    c.run("createdb -h 127.0.0.1 -p $POSTGRES_PORT -U shop shop", hide=True, warn=True)
    c.run('psql -qX -v ON_ERROR_STOP=1 -f shop/schema.sql "$DATABASE_URL"')


def _redis(c: Context) -> None:
    if _running("redis"):
        return
    (DATA / "redis").mkdir(exist_ok=True)
    c.run(
        f"redis-server --port $REDIS_PORT --bind 127.0.0.1 --dir '{DATA}/redis'"
        f" --daemonize yes --pidfile '{DATA}/redis.pid' --logfile '{DATA}/redis.log'"
    )


def _web() -> None:
    if _running("web"):
        return
    words = [sys.executable, "-m", "portconf", "run", "--pass-sockets", "web", "--"]
    # portconf binds the port and hands the socket over: nobody can come in between.
    words += [sys.executable, "-m", "uvicorn", "shop.app:app", "--fd", "{fd:web}"]
    with (DATA / "web.log").open("ab") as log:
        started = subprocess.Popen(
            words,
            cwd=HERE,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (DATA / "web.pid").write_text(f"{started.pid}\n", encoding="ascii")


def _running(name: str) -> psutil.Process | None:
    """Return the process of a pid file; None if another one has its number now."""
    try:
        found = psutil.Process(int((DATA / f"{name}.pid").read_text("ascii")))
        return found if Path(found.cwd()).is_relative_to(HERE) else None
    except (OSError, ValueError, psutil.Error):
        return None


def _end(name: str) -> None:
    if found := _running(name):
        found.terminate()
    deadline = time.monotonic() + 10
    while _running(name):
        if time.monotonic() > deadline:
            raise Exit(f"{name} has not ended: see {DATA}/{name}.log")
        time.sleep(0.02)


ns = Collection(up, down, ports)
