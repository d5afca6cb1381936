"""The application alone."""

from shop.app import app
from starlette.testclient import TestClient


def test_a_shop_without_servers_is_not_healthy(free_port, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"postgresql://shop@127.0.0.1:{free_port}/shop")
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port}/0")

    answer = TestClient(app).get("/healthz")

    assert answer.status_code == 503
    assert set(answer.json()) == {"postgres", "redis"}
