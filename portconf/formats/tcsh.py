"""tcsh and csh: `setenv NAME 'VALUE';`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


def render(view: "View") -> "Mapping[str, str]":
    """Return the variables of the checkout, in one file."""
    return {"portconf.csh": lines(view.variables)}


def lines(variables: "Mapping[str, str]") -> str:
    """
    Return one `setenv` a line, for `source` and for an `eval` of the output.

    The semicolon is for `eval`, which gets the lines as words of one line. A line break
    would be a blank there, so a value with one is refused; so is a backslash, which
    means another thing where `backslash_quote` is set.
    """
    written = []
    for name, value in variables.items():
        if any(character in value for character in "\0\n\r\\"):
            raise ValueError(name)
        # The history is looked up inside single quotes too.
        quoted = value.replace("'", "'\\''").replace("!", "\\!")
        written.append(f"setenv {name} '{quoted}';\n")
    return "".join(written)
