"""Whether a variable says that something is on another machine, or in a container."""

import re


_LONGEST = 2000
_MOST = 50
# With one of these words, the whole value is a host.
_WORDS = re.compile(
    r"(?:.*_|PG)?(?:HOST|HOSTS|HOSTNAME|HOST_NAME|SERVERS?|ADDR|ADDRESS|ENDPOINTS?|URLS?"
    r"|URI|DSN|BROKERS?|DOMAIN|FQDN|NODES?|IP)(?:_.*)?",
    re.IGNORECASE,
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#]*@)?([^/?#]*)", re.IGNORECASE)
_PART = re.compile(r"(\[[^\]]*\]|[^:]*)(?::\d{1,5})?|([0-9a-f:]*)", re.IGNORECASE)
# A name with a dot and letters at its end, an address, or what has a port behind it.
_PLAIN = re.compile(
    r"(?:[\w-]+\.)+[a-z]{2,}(?::\d{1,5})?|(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?"
    r"|[\w.-]+:\d{2,5}",
    re.IGNORECASE,
)
# No other host: there the port is another's, or the container's own, which stays.
_PORT = re.compile(
    r"(?<![\w.:-])(?:localhost|127\.0\.0\.1|\[::1\]|host\.docker\.internal)"
    r":(\d{2,5})(?![\d:@])"
)
_LOCAL = re.compile(
    r"|(?:.+\.)?localhost|127\.[0-9.]+|0\.0\.0\.0|\[?::1?\]?|host\.docker\.internal",
    re.IGNORECASE,
)


def local(variable: str, value: str) -> bool | None:
    """
    Tell whether a value names this machine and no other; None: it names no host.

    Args:
        variable: Its name, which tells whether a bare word is a host.
        value: Its value, without quotes.

    Examples:
        >>> local("DB_HOST", "db"), local("DB_URL", "pg://me:x@localhost:1/x")
        (False, True)
        >>> local("DB_USER", "db") is None
        True
    """
    text = value[:_LONGEST].strip()
    found = _URL.match(text)
    if not (found or _WORDS.fullmatch(variable) or _PLAIN.fullmatch(text)):
        return None
    hosts = re.split(r"[,;\s]+", found[1] if found else text, maxsplit=_MOST)
    return all(_LOCAL.fullmatch(_host(each)) for each in hosts)


def port_beside(value: str) -> str | None:
    """
    Return the port behind this machine's name; None: there is none.

    Examples:
        >>> port_beside("pg://me:x@localhost:1024/x"), port_beside("tcp([::1]:3306)/app")
        ('1024', '3306')
        >>> port_beside("redis://cache:6379/0") is None
        True
    """
    found = _PORT.search(value[:_LONGEST])
    return found[1] if found else None


def about(name: str, variable: str) -> bool:
    """
    Tell whether a variable is of the same thing as the variable of a port.

    Examples:
        >>> about("DB_HOST", "DB_PORT"), about("PGHOST", "PGPORT"), about("A", "B_PORT")
        (True, True, False)
    """
    if variable == "PGPORT":
        return name.startswith("PG")
    stem = re.sub(r"_?PORT(?:_.*)?$", "", variable)
    if not stem:
        return bool(re.fullmatch(r"HOST(?:_?NAME)?|SERVER|ADDR(?:ESS)?|URL", name))
    return name == stem or name.startswith(f"{stem}_")


def _host(part: str) -> str:
    found = _PART.fullmatch(part)
    return (found[1] or found[2] or "") if found else part
