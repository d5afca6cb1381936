"""What images and ports are commonly for, in words for people."""

import re


# The last part of an image's name, or of a service's; -> purpose.
_PURPOSES = {
    "postgres": "PostgreSQL Database",
    "postgresql": "PostgreSQL Database",
    "postgis": "PostgreSQL Database",
    "timescaledb": "PostgreSQL Database",
    "pgvector": "PostgreSQL Database",
    "mysql": "MySQL Database",
    "mariadb": "MariaDB Database",
    "mongo": "MongoDB Database",
    "mongodb": "MongoDB Database",
    "redis": "Redis Cache",
    "valkey": "Valkey Cache",
    "memcached": "Memcached Cache",
    "elasticsearch": "Elasticsearch",
    "opensearch": "OpenSearch",
    "kibana": "Kibana",
    "rabbitmq": "RabbitMQ",
    "kafka": "Kafka",
    "zookeeper": "ZooKeeper",
    "nats": "NATS",
    "minio": "MinIO Object Storage",
    "localstack": "LocalStack",
    "nginx": "nginx",
    "traefik": "Traefik",
    "caddy": "Caddy",
    "httpd": "Apache HTTP Server",
    "grafana": "Grafana Dashboard",
    "prometheus": "Prometheus Metrics",
    "jaeger": "Jaeger Tracing",
    "all-in-one": "Jaeger Tracing",
    "mailhog": "MailHog",
    "mailpit": "Mailpit",
    "adminer": "Adminer",
    "pgadmin4": "pgAdmin",
    "phpmyadmin": "phpMyAdmin",
    "mongo-express": "Mongo Express",
    "keycloak": "Keycloak",
    "vault": "Vault",
    "consul": "Consul",
    "wordpress": "WordPress",
    "ghost": "Ghost",
}
# What a further port of a server is for, by the port inside the container.
_PARTS = {
    80: "http",
    443: "https",
    1025: "smtp",
    4318: "otlp-http",
    4317: "otlp-grpc",
    5005: "debug",
    8025: "ui",
    8443: "https",
    9001: "console",
    9229: "debug",
    15672: "management",
    16686: "ui",
}


def purpose(image: str, name: str) -> str:
    """
    Return what a server is for, by its image or else its name; empty if unknown.

    Examples:
        >>> purpose("docker.io/library/postgres:17-alpine", "db")
        'PostgreSQL Database'
        >>> purpose("", "web")
        ''
    """
    # A registry may have a port, so only what follows the last '/' has a tag.
    last = re.split(r"[:@]", image.rpartition("/")[2])[0]
    known = _PURPOSES.get(last.lower()) or _PURPOSES.get(name)
    if known:
        return known
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", last)
    return last if plain and last not in {name, "app", "server", "web"} else ""


def part(target: int) -> str:
    """Return the word for a further port of a server, else the number itself."""
    return _PARTS.get(target, str(target))
