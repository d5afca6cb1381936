"""What the servers of well-known images are for, in words for people."""

from portconf.compose import images


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


def purpose(image: str) -> str:
    """
    Return what an image's server is for; empty if it is not known.

    Examples:
        >>> purpose("localhost/postgres:17-alpine"), purpose("shop/redis")
        ('PostgreSQL Database', '')
    """
    return _PURPOSES.get(images.plain(image), "")
