"""The texts of a format, or why it has none."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from portconf import formats
from portconf.errors import ConfigError, UsageError
from portconf.formats import dotenv
from portconf.kinds import did_you_mean, shown
from portconf.settings import FILE_PATTERN
from portconf.views import MARK, View


# In these a path that is no text comes out as the bytes that it is.
_OF_BYTES = frozenset({"sh", "fish", "tcsh"})


def rendered(name: str, view: View) -> dict[str, str]:
    """
    Return the files of a format, by name; the names are checked.

    Args:
        name: The format's name on the command line.
        view: What is written down.

    Raises:
        UsageError: If there is no format of that name.
        ConfigError: If something cannot be carried, or if the format is another
            package's and does not do what a format must.
    """
    try:
        found = formats.load(name)
    except LookupError as error:
        known = formats.known()
        raise UsageError(
            f"no format is named {name!r}{did_you_mean(name, known)}",
            hint=f"there are {', '.join(known)}",
        ) from error
    except Exception as error:
        raise _broken(name, f"cannot be loaded: {error}") from error
    with carried(view.variables, f"the format {name}", text=name not in _OF_BYTES):
        files = found.render(view)
    for file, text in files.items():
        # It comes from another package: neither is to be taken on trust.
        if not re.fullmatch(FILE_PATTERN, file) or not isinstance(text, str):
            raise _broken(name, f"returns {shown(file)}, which is no file of it")
    if not files:
        raise _broken(name, "returns no file")
    return dict(files)


def owned(name: str, old: bytes, new: bytes) -> bool:
    """
    Tell whether a file of a format may be replaced.

    Args:
        name: The file.
        old: What it holds.
        new: What it is to hold.

    Returns:
        True where the old one has our first line, or a name that only ours have.
        Also where the new one has no such line: it is the old one, edited.
    """
    head, after = (each[:200].split(b"\n", 1)[0] for each in (old, new))
    mark = MARK.encode()
    return mark in head or "portconf" in name.rpartition("/")[2] or mark not in after


def _broken(name: str, what: str) -> ConfigError:
    return ConfigError(
        f"the format {name!r} {what}", hint="it is another package's: tell its people"
    )


@contextmanager
def carried(
    variables: Mapping[str, str], where: str, *, text: bool = False
) -> Iterator[None]:
    """
    Word what a format refuses.

    Args:
        variables: What it is given.
        where: What the text is for, for the message.
        text: Refuse a value that is not text, like a path of other bytes.

    Raises:
        ConfigError: If a value cannot be carried.
    """
    try:
        for name, value in variables.items() if text else ():
            if re.search(r"[\ud800-\udfff]", value):
                raise ValueError(name)  # noqa: TRY301 - as a format does
        yield
    except ValueError as error:
        variable = str(error)
        if variable not in variables:
            raise ConfigError(f"{where} cannot be written: {variable}") from error
        raise ConfigError(
            f"{variable} cannot be written to {where}: its value"
            f" {shown(variables[variable])} holds a character, or the variable has a"
            " name, that readers of the format do not agree on",
            hint="change the value or the variable's name (for PORTCONF_ROOT: the"
            " project's folder), or do without that file: set it to false in"
            " tool.portconf",
        ) from error


def dotenv_text(variables: Mapping[str, str], *, where: str) -> str:
    """
    Return variables as an env file.

    Raises:
        ConfigError: If a value cannot be carried.
    """
    with carried(variables, where, text=True):
        return dotenv.lines(variables)
