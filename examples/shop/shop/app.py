"""
The shop as an ASGI application.

Its servers are where the environment says: no port stands in the code.
"""

import os

import psycopg
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def visit(request: Request) -> Response:
    """Store a visit in PostgreSQL, count it in Redis, and tell both sums."""
    page = request.path_params["page"]
    async with await _database() as database:
        await database.execute("INSERT INTO visits (page) VALUES (%s)", [page])
        found = await database.execute(
            "SELECT count(*), current_setting('data_directory') FROM visits"
            " WHERE page = %s",
            [page],
        )
        row = await found.fetchone()
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        counted = await redis.incr(f"visits:{page}")
    stored, database_folder = row or (0, "")
    return JSONResponse(
        {
            "page": page,
            "stored": stored,
            "counted": counted,
            # Whose answer this is: tests that meet another checkout's servers see it.
            "database": database_folder,
            **{
                name: os.environ.get(f"PORTCONF_{name.upper()}")
                for name in ("instance", "root", "run")
            },
        }
    )


async def healthz(_request: Request) -> Response:
    """Answer 200 when both servers answer, else 503 with what is wrong."""
    wrong = {}
    try:
        async with await _database() as database:
            await database.execute("SELECT 1")
    except psycopg.Error as error:
        wrong["postgres"] = str(error)
    try:
        async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
            await redis.ping()
    except RedisError as error:
        wrong["redis"] = str(error)
    return JSONResponse(wrong, status_code=503 if wrong else 200)


async def _database() -> psycopg.AsyncConnection:
    """Connect; a shop with customers would keep a pool of connections."""
    return await psycopg.AsyncConnection.connect(
        os.environ["DATABASE_URL"], connect_timeout=5
    )


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/visits/{page}", visit, methods=["POST"]),
    ]
)
