"""
The formats in which variables are handed out, one module each.

A format is a function from variables to text, `render(variables)`. It is pure, and
it imports nothing that it does not need: the hot commands load it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portconf.formats.protocol import Format


# Name on the command line -> module. Named here, so that a listing imports none.
NAMES = {
    "sh": "posix",
    "dotenv": "dotenv",
    "fish": "fish",
    "powershell": "powershell",
    "json": "jsontext",
    "github": "github",
}


def load(name: str) -> "Format":
    """
    Return the format's module.

    Raises:
        KeyError: If there is no format of that name.
    """
    from importlib import import_module  # noqa: PLC0415 - the hot commands do without

    module: Format = import_module(f"portconf.formats.{NAMES[name]}")
    return module
