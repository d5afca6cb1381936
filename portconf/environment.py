"""
The names of portconf's own variables, and which of another run's must not stay.

This module is on the path of every `portconf run`: it imports next to nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

COMPOSE = "COMPOSE_PROJECT_NAME"
STAMP = "PORTCONF_STAMP"
INSTANCE = "PORTCONF_INSTANCE"
ROOT = "PORTCONF_ROOT"
RUN = "PORTCONF_RUN"
"""The number of a process lease, in the environment of that run and nowhere else."""

begun: "dict[str, object]" = {}
"""By project, the `Access` that a run of the tests has begun with, or its file.

Tests move the home folder, where the machine's registry would be looked for.
"""


def left_over(
    environment: "Mapping[str, str]", variables: "Mapping[str, str]"
) -> "tuple[str, ...]":
    """
    Return what another checkout's exports have left in an environment.

    The mark of a run that is not this one, and the Compose project that portconf
    itself made: a user's own stays.

    Args:
        environment: The variables of the shell.
        variables: This checkout's.
    """
    left = (RUN,) if RUN in environment and RUN not in variables else ()
    root = environment.get(ROOT, "")
    instance = environment.get(INSTANCE, "")
    if not root or not instance.isdecimal() or COMPOSE in variables:
        return left
    theirs = compose_project(root, int(instance))
    named = theirs is not None and environment.get(COMPOSE) == theirs
    return (*left, COMPOSE) if named else left


def compose_project(root: str, instance: int) -> "str | None":
    """
    Return the Compose project of a shifted checkout, or None for instance 0.

    Compose allows lower-case letters, digits, '-' and '_', a letter or digit first.

    Examples:
        >>> compose_project("/home/you/My Shop", 3)
        'my-shop-3'
    """
    if instance == 0:
        return None
    import re  # noqa: PLC0415 - most checkouts are instance 0

    folder = root.rstrip("/").rpartition("/")[2].lower()
    name = re.sub(r"[^a-z0-9_-]+", "-", folder).strip("-_")
    return f"{name or 'portconf'}-{instance}"
