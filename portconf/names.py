"""What services and their variables may be called."""

import re
from functools import lru_cache

from portconf.kinds import shown


NAME_RULE = (
    "lower-case letters and digits joined by '-', '_' or '.', at most 63 characters"
)
NAME_PATTERN = r"(?=.{1,63}$)[a-z0-9]+([-_.][a-z0-9]+)*"
VARIABLE_PATTERN = r"[A-Z_][A-Z0-9_]*"
VARIABLE_RULE = "upper-case letters, digits and '_', not starting with a digit"


@lru_cache(maxsize=4096)  # every read of a plan asks for every name
def name_problem(name: object) -> str | None:
    """Return what is wrong with a service's name, or None."""
    if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name):
        return None
    return f"name must be {NAME_RULE}, got {shown(name)}"


def variable_of(name: str) -> str:
    """
    Return the default variable of a service.

    Examples:
        >>> variable_of("http-server")
        'HTTP_SERVER_PORT'
    """
    return name.replace("-", "_").replace(".", "_").upper() + "_PORT"


# Names that bash, zsh or fish keep for themselves: read-only, so that a file ends with
# an error when it is sourced, or set anew at each reading, or run as a command.
_SHELLS_OWN = (
    "ARGC|COLUMNS|DIRSTACK|EGID|ENV|EPOCHREALTIME|EPOCHSECONDS|EUID|GID|GROUPS|HISTCMD"
    "|HISTSIZE|IFS|LINENO|LINES|OPTIND|PATH|PPID|PROMPT_COMMAND|PS4|PWD|RANDOM|SAVEHIST"
    "|SECONDS|SHELLOPTS|SHLVL|SRANDOM|TTYIDLE|UID|USERNAME|WATCH|_"
    "|BASHOPTS|BASHPID|(?:BASH|FISH|ZSH)_.*"
)
_PORTCONFS_OWN = "BASE_PORT|NEXT_PORT|COMPOSE_PROJECT_NAME|PORTCONF_.*"
FREE_VARIABLE_PATTERN = rf"(?!(?:{_PORTCONFS_OWN}|{_SHELLS_OWN})$){VARIABLE_PATTERN}"


def variable_problem(variable: str) -> str | None:
    """Return why ``variable`` cannot be a service's or a template's, or None."""
    if not re.fullmatch(VARIABLE_PATTERN, variable):
        return f"variable {shown(variable)} must be {VARIABLE_RULE}"
    if re.fullmatch(_PORTCONFS_OWN, variable):
        return f"variable {shown(variable)} is one that portconf sets itself"
    if re.fullmatch(_SHELLS_OWN, variable):
        return f"variable {shown(variable)} is one that shells set themselves"
    return None
