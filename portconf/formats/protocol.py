"""What a module must have to be a format."""

from collections.abc import Mapping
from typing import Protocol


class Format(Protocol):
    """One way to write variables down."""

    def render(self, variables: Mapping[str, str]) -> str:
        """
        Return the text, with a final newline.

        Raises:
            ValueError: If a value cannot be carried so that every reader of the
                format gets it back; the text is the variable's name.
        """
