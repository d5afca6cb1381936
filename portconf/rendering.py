"""The texts of a format, or why it has none."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from portconf import formats
from portconf.errors import ConfigError, PortconfError, UsageError
from portconf.formats import dotenv
from portconf.kinds import did_you_mean, shown
from portconf.marks import MARK
from portconf.settings import FILE_PATTERN
from portconf.views import View


# In these a path that is no text comes out as the bytes that it is.
_OF_BYTES = frozenset({"sh", "fish", "tcsh"})
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
# Their readers take no comments.
_COMMENTLESS = (".json", ".github", ".gitlab")


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
    # SystemExit too: another's package would end us, and a watch, without a word.
    except (Exception, SystemExit) as error:
        raise _broken(name, f"cannot be loaded: {error}") from error
    with carried(view.variables, f"the format {name}", text=name not in _OF_BYTES):
        try:
            files: dict[Any, Any] = dict(found.render(view))
        except (ValueError, PortconfError):
            raise
        except (Exception, SystemExit) as error:
            if name in formats.NAMES:  # a bug of ours stays one
                raise
            raise _broken(name, f"fails: {type(error).__name__}: {error}") from error
    _check(name, files)
    return files


def owned(name: str, old: bytes) -> bool:
    """
    Tell whether a file may be replaced by one of a format.

    It has our first line; or it can have none, and a name that only ours have.

    Args:
        name: The file.
        old: What it holds.
    """
    base = name.rpartition("/")[2]
    if base.endswith(_COMMENTLESS) and "portconf" in base:
        return True
    return MARK.encode() in old[:200].split(b"\n", 1)[0]


def _check(name: str, files: Mapping[Any, Any]) -> None:
    """Refuse what a format must not return: another package's is not to be trusted."""
    if not files:
        raise _broken(name, "returns no file")
    for file, text in files.items():
        if not (isinstance(file, str) and re.fullmatch(FILE_PATTERN, file)):
            raise _broken(name, f"returns {shown(file)}, which is no name of a file")
        if not isinstance(text, str) or (
            name not in _OF_BYTES and _NO_TEXT.search(text)
        ):
            raise _broken(name, f"returns no text for {shown(file)}")
        if any(other.startswith(f"{file}/") for other in files):
            raise _broken(name, f"returns {shown(file)} as a file and as a folder")


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
            if _NO_TEXT.search(value):
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
