"""
nginx, as a part: for a nginx that runs already, to be included in its block `http`.

As on Debian and macOS, where `conf.d/*.conf` and `servers/*` are. Each project has to
listen on a port of its own.
"""

from collections.abc import Mapping

from portconf.addressing.routes import routing
from portconf.addressing.targets import stem
from portconf.formats import nginx
from portconf.views import View


def render(view: View) -> Mapping[str, str]:
    """Return the part, in one file."""
    found = routing(view)
    lines = [*found.head(), *nginx.hashing(found), *nginx.http_part(found, view.listen)]
    return {f"{stem(view.site)}.conf": "\n".join(lines) + "\n"}
