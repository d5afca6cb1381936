"""On which port the servers of well-known images listen in their containers."""

import re


# Without the registry and the tag. No web server or proxy: its port is in a file of its
# own, which nobody here reads.
_PORTS = {
    "postgres": (5432,),
    "postgis/postgis": (5432,),
    "pgvector/pgvector": (5432,),
    "timescale/timescaledb": (5432,),
    "bitnami/postgresql": (5432,),
    "mysql": (3306, 33060),
    "mysql/mysql-server": (3306, 33060),
    "mariadb": (3306,),
    "percona": (3306,),
    "mongo": (27017,),
    "mongo-express": (8081,),
    "redis": (6379,),
    "redis/redis-stack-server": (6379,),
    "bitnami/redis": (6379,),
    "valkey/valkey": (6379,),
    "memcached": (11211,),
    "elasticsearch": (9200, 9300),
    "elasticsearch/elasticsearch": (9200, 9300),
    "opensearchproject/opensearch": (9200, 9600),
    "kibana": (5601,),
    "kibana/kibana": (5601,),
    "rabbitmq": (5672, 15672, 5671, 15692),
    "nats": (4222, 8222, 6222),
    "zookeeper": (2181,),
    "couchdb": (5984,),
    "cassandra": (9042, 7000),
    "clickhouse/clickhouse-server": (8123, 9000),
    "influxdb": (8086,),
    "neo4j": (7474, 7687),
    "mssql/server": (1433,),
    "minio/minio": (9000, 9001),
    "grafana/grafana": (3000,),
    "prom/prometheus": (9090,),
    "prom/alertmanager": (9093,),
    "mailhog/mailhog": (8025, 1025),
    "axllent/mailpit": (8025, 1025),
    "adminer": (8080,),
    "localstack/localstack": (4566,),
    "hashicorp/vault": (8200,),
    "hashicorp/consul": (8500, 8600),
}


def ports(image: str) -> tuple[int, ...]:
    """
    Return where an image's servers listen, the main one first; none if not known.

    Examples:
        >>> ports("docker.io/library/postgres:17-alpine"), ports("shop/redis")
        ((5432,), ())
    """
    # A registry has a dot or a port in its name, or is this machine.
    path = re.sub(r"^(?:localhost|[^/]*[.:][^/]*)/", "", image)
    return _PORTS.get(re.split(r"[:@]", path.removeprefix("library/"))[0], ())
