"""The fish shell: `set -gx NAME 'VALUE'`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def render(variables: "Mapping[str, str]") -> str:
    """Return one `set` a line; in single quotes fish reads only backslash and quote."""
    lines = []
    for name, value in variables.items():
        if "\0" in value:
            raise ValueError(name)
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"set -gx {name} '{quoted}'\n")
    return "".join(lines)
