"""What a generated file begins with: whose it is."""

from portconf.marks import HEADER
from portconf.views import Site


# Programs read a line into so little that the rest of a longer comment would be the
# next line to them: dnsmasq into 1024 bytes.
_LONGEST = 200


def heading(site: Site) -> list[str]:
    r"""
    Return the first lines of a file whose comments begin with '#'.

    The second one tells apart projects whose folders have one name. The folder is
    quoted as Python does it, so that it stays one line, and without a brace, which
    Caddy and Traefik replace in comments too; of a long one the end is there.

    Examples:
        >>> heading(Site(project="shop", root="/home/you/{shop}"))[1]
        "# For the project in '/home/you/\\x7bshop}'"
    """
    told = repr(site.root).replace("{", r"\x7b")
    short = told if len(told) <= _LONGEST else f"...{told[-_LONGEST:]}"
    return [f"# {HEADER}", f"# For the project in {short}"]
