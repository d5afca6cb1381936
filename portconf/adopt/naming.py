"""Names of services, made of what other files call their servers."""

import re

from portconf.names import name_problem, variable_of, variable_problem


_LIMIT = 50  # leaves room for what tells two apart


def name_of(text: str) -> str:
    """
    Return a valid name that is near to any text.

    Examples:
        >>> name_of("My_App (dev)"), name_of("base"), name_of("--")
        ('my_app-dev', 'app-base', 'app')
    """
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower()[:1000])
    plain = re.sub(r"[-._]*-[-._]*|([._])[._]+", _joined, plain)
    plain = plain.strip("-._")[:_LIMIT].rstrip("-._")
    if not plain or name_problem(plain):
        return "app"
    return f"app-{plain}" if variable_problem(variable_of(plain)) else plain


def of_variable(variable: str) -> str:
    """
    Return the name of the service whose port a variable carries.

    Examples:
        >>> of_variable("POSTGRES_PORT"), of_variable("MY_APP_PORT")
        ('postgres', 'my-app')
    """
    return name_of(variable.removesuffix("_PORT").replace("_", "-"))


def _joined(found: re.Match[str]) -> str:
    return found[1] or "-"
