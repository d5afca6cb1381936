"""Well-known images: the port on which the server of one listens in its container."""

import re


# Without the registry and the tag. Only images with one server on one port: plugins and
# consoles listen elsewhere. No web server or proxy: its port is in a file of its own,
# which nobody here reads.
_PORTS = {
    "postgres": 5432,
    "postgis/postgis": 5432,
    "pgvector/pgvector": 5432,
    "timescale/timescaledb": 5432,
    "bitnami/postgresql": 5432,
    "mariadb": 3306,
    "mongo": 27017,
    "mongo-express": 8081,
    "redis": 6379,
    "redis/redis-stack-server": 6379,
    "bitnami/redis": 6379,
    "valkey/valkey": 6379,
    "memcached": 11211,
    "kibana": 5601,
    "kibana/kibana": 5601,
    "influxdb": 8086,
    "mssql/server": 1433,
    "grafana/grafana": 3000,
    "prom/prometheus": 9090,
    "prom/alertmanager": 9093,
    "adminer": 8080,
    "hashicorp/vault": 8200,
}


def port(image: str) -> int | None:
    """
    Return where an image's server listens, or None if that is not known.

    Examples:
        >>> port("docker.io/library/postgres:17-alpine"), port("shop/redis")
        (5432, None)
    """
    return _PORTS.get(plain(image))


def plain(image: str) -> str:
    """
    Return an image's name without its registry, its tag and its digest.

    Examples:
        >>> plain("docker.io/library/postgres:17-alpine"), plain("localhost/shop/redis")
        ('postgres', 'shop/redis')
    """
    # A registry has a dot or a port in its name, or is this machine.
    path = re.sub(r"^(?:localhost|[^/]*[.:][^/]*)/", "", image)
    return re.split(r"[:@]", path.removeprefix("library/"))[0]
