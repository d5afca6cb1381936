"""Compose files, as far as ports go, with the place of every token."""

from collections.abc import Mapping

from portconf.compose.values import Stack


# In the order in which Compose looks for them (compose-spec, 'Compose file').
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


def read(texts: Mapping[str, str], first: str | None = None) -> Stack:
    """
    Return what the Compose files of a project say.

    Args:
        texts: The project's files, by name; each is read when it is asked for.
        first: The file to begin with; None: what Compose would find, with its
            override.
    """
    raise NotImplementedError
