"""
GitHub Actions: lines to append to the file `$GITHUB_ENV`.

GitHub takes what follows `=` as it stands, quotes included, and lets nobody set
`GITHUB_*`, `RUNNER_*` and `NODE_OPTIONS`.
"""

from portconf.formats import listed


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.github": listed(view.variables, _line)}


def _line(name: str, value: str) -> str:
    # A line break would start a variable of the value's choosing.
    if "\r" in value or "\n" in value:
        raise ValueError(name)
    # The runner ends the step at `NODE_OPTIONS`, which could run a program.
    if name.startswith(("GITHUB_", "RUNNER_")) or name == "NODE_OPTIONS":
        raise ValueError(name)
    return f"{name}={value}\n"
