"""What a module or object must have to be a format."""

from collections.abc import Mapping
from typing import Protocol

from portconf.views import View


class Format(Protocol):
    """
    One way to write services or their variables down: endpoints in, text out.

    A module will do, or any object. It is pure: it reads and writes nothing itself.
    Its docstring's first line is what the documentation says of it.
    """

    def render(self, view: View) -> Mapping[str, str]:
        """
        Return the files of the format, by name.

        Args:
            view: What is written down.

        Returns:
            At least one file. A name is relative to the output folder, with '/' and
            without '..'; a text has a final newline. A file that can carry a comment
            begins with `portconf.marks.HEADER` after the format's own sign for
            one. One that cannot ends in `.json`, `.github` or `.gitlab` and has
            'portconf' in its name, or the format reads from the view what is there:
            any other file is taken for somebody else's the next time.

        Raises:
            ValueError: If something cannot be carried so that every reader of the
                format gets it back. The text is a variable's name, or a sentence that
                says what and why.
        """
