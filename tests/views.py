"""What formats are given, made from little."""

from collections.abc import Mapping
from typing import Any

from portconf import formats
from portconf.model import Endpoint
from portconf.settings import Settings
from portconf.views import Site, View


def endpoint(name: str, port: int, **fields: Any) -> Endpoint:
    """Return an endpoint with the variable that its name gives."""
    found = {
        "variable": name.replace("-", "_").replace(".", "_").upper() + "_PORT",
        "assigned": port,
        "purpose": "",
        **fields,
    }
    return Endpoint(name=name, port=port, **found)


def site(*endpoints: Endpoint, **fields: Any) -> Site:
    """Return the site of the main checkout of a shop."""
    found = {"project": "shop", "root": "/home/you/shop", "branch": "main", **fields}
    return Site(endpoints=endpoints, **found)


def view(
    *endpoints: Endpoint,
    variables: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    **fields: Any,
) -> View:
    """Return a view of that site, or of the ``site`` that is given."""
    found = {"site": site(*endpoints), **fields}
    ports = {each.variable: str(each.port) for each in endpoints}
    return View(
        settings=settings or Settings(),
        variables=ports if variables is None else variables,
        **found,
    )


def text(name: str, given: View) -> str:
    """Return the one text of a format that has one."""
    (found,) = formats.load(name).render(given).values()
    return found
