"""Names of services, made of what other files call their servers."""

import re
from collections.abc import Container

from portconf.names import name_problem, variable_of, variable_problem


_LIMIT = 50  # leaves room for what tells two apart


def name_of(text: str) -> str:
    """
    Return a valid name that is near to any text; empty where nothing of it is left.

    Examples:
        >>> name_of("My_App (dev)"), name_of("base"), name_of("--")
        ('my_app-dev', 'base-service', '')
    """
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    plain = re.sub(r"[-._]*-[-._]*|([._])[._]+", _joined, plain)
    plain = plain.strip("-._")[:_LIMIT].rstrip("-._")
    if not plain or name_problem(plain):
        return ""
    return f"{plain}-service" if variable_problem(variable_of(plain)) else plain


def of_variable(variable: str) -> str:
    """
    Return the name of the service whose port a variable carries.

    Examples:
        >>> [of_variable(each) for each in ("POSTGRES_PORT", "PORT", "PGPORT", "PORT_WEB")]
        ['postgres', 'app', 'postgres', 'web']
    """
    if variable == "PGPORT":
        return "postgres"
    words = [word for word in variable.split("_") if word and word != "PORT"]
    return name_of("-".join(words)) or "app"


def free(
    wishes: list[str], *, variable: str, names: Container[str], taken: Container[str]
) -> str:
    """
    Return the first wish that is free, or the last one with a number.

    Args:
        wishes: Valid names, the best first; at least one.
        variable: The variable that the service has; empty: the default one.
        names: The names that are given away.
        taken: The variables that are.
    """

    def is_free(name: str) -> bool:
        return name not in names and (bool(variable) or variable_of(name) not in taken)

    number = 2
    for wish in wishes:
        if is_free(wish):
            return wish
    while not is_free(f"{wishes[-1]}-{number}"):
        number += 1
    return f"{wishes[-1]}-{number}"


def _joined(found: re.Match[str]) -> str:
    return found[1] or "-"
