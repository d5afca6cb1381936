"""
tcsh and csh: `setenv NAME 'VALUE';`.

For `source`, and for an `eval` of the output: that gets the lines as words of one
line, hence the semicolons, and no comment, which would end with the last of them.
"""

from portconf.formats import listed
from portconf.marks import HEADER


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


# As in `portconf.formats.posix`; csh has no default for a variable that is not there.
_LEFT = """\
if ( $?PORTCONF_INSTANCE == 0 ) setenv PORTCONF_INSTANCE 0;
if ( "$PORTCONF_INSTANCE" != 0 ) unsetenv COMPOSE_PROJECT_NAME;
unsetenv PORTCONF_RUN;
"""
# A line break would be a blank in `eval`. A backslash means another thing where
# `backslash_quote` is set. The history is looked up inside single quotes too, unless a
# backslash stands before the '!', which stays there where `histchars` has another sign.
_REFUSED = frozenset("\n\r\\!")


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    found = f': "{HEADER}";\n{_LEFT}{listed(view.variables, _line)}'
    return {"portconf.csh": found}


def _line(name: str, value: str) -> str:
    if not _REFUSED.isdisjoint(value):
        raise ValueError(name)
    quoted = value.replace("'", "'\\''")
    return f"setenv {name} '{quoted}';\n"
