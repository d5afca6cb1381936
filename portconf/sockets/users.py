"""The users of this machine, by name."""

from functools import lru_cache


@lru_cache(maxsize=256)
def user_name(uid: int | None) -> str | None:
    """Return the name of a user, or the number as text where it has none."""
    if uid is None:
        return None
    try:
        import pwd  # noqa: PLC0415 - Windows has none

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return str(uid)
