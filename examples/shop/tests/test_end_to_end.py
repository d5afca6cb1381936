"""The shop over HTTP, with PostgreSQL and Redis."""

import os
from pathlib import Path

import pytest


def test_the_shop_is_healthy(shop):
    answer = shop.get("/healthz")

    assert answer.status_code == 200


@pytest.mark.parametrize("page", ["apples", "pears"])
def test_a_visit_is_stored_and_counted(shop, database, cache, page):
    shop.post(f"/visits/{page}")
    answer = shop.post(f"/visits/{page}").json()

    assert (answer["stored"], answer["counted"]) == (2, 2)
    assert database.execute("SELECT page FROM visits").fetchall() == [(page,)] * 2
    assert int(cache.get(f"visits:{page}")) == 2


def test_the_answer_is_of_this_run(shop, postgres_server):
    answer = shop.post("/visits/whose").json()

    assert answer["root"] == os.environ["PORTCONF_ROOT"]
    assert answer["run"] == os.environ.get("PORTCONF_RUN")
    assert Path(answer["database"]) == Path(postgres_server.datadir)
