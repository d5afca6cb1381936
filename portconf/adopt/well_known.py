"""What the servers of well-known images are for, in words for people."""

import re


# The image without registry and tag -> purpose.
_PURPOSES = {
    "postgres": "PostgreSQL Database",
    "postgis/postgis": "PostgreSQL Database",
    "pgvector/pgvector": "PostgreSQL Database",
    "timescale/timescaledb": "PostgreSQL Database",
    "mysql": "MySQL Database",
    "mariadb": "MariaDB Database",
    "mongo": "MongoDB Database",
    "redis": "Redis Cache",
    "valkey/valkey": "Valkey Cache",
    "memcached": "Memcached Cache",
    "elasticsearch": "Elasticsearch",
    "elasticsearch/elasticsearch": "Elasticsearch",
    "rabbitmq": "RabbitMQ",
    "minio/minio": "MinIO Object Storage",
    "grafana/grafana": "Grafana Dashboard",
    "prom/prometheus": "Prometheus Metrics",
}
# A registry has a dot or a port in its name.
_IMAGE = re.compile(r"(?:[^/]*[.:][^/]*/)?(?:library/)?([^:@]+)(?:[:@].*)?")


def purpose(image: str) -> str:
    """
    Return what an image's server is for; empty if it is not known.

    Examples:
        >>> purpose("docker.io/library/postgres:17-alpine"), purpose("shop/redis")
        ('PostgreSQL Database', '')
    """
    found = _IMAGE.fullmatch(image)
    return _PURPOSES.get(found[1], "") if found else ""
