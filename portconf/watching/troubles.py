"""
When `watch` says what goes wrong: once, and only if it has gone wrong twice in a row.

For a moment a file is missing while git changes branches, or half written while an
editor saves it; and a command may keep the lock for longer than is waited.
"""

from dataclasses import dataclass


GRACE = 60.0
"""Seconds that a folder which is confirmed gone may stay away, as for a fresh clone."""


@dataclass(slots=True, kw_only=True)
class Troubles:
    """
    What has gone wrong of late, and what was said of it.

    Attributes:
        seen: What went wrong the last time, or empty.
        told: What was said, or empty.
        missing: Since which moment the folder is missing, or None.
        over: Whether the folder is gone for good.
    """

    seen: str = ""
    told: str = ""
    missing: float | None = None
    over: bool = False

    def failed(self, text: str) -> bool:
        """Take in what went wrong; tell whether it is to be said now."""
        twice, self.seen = text == self.seen, text
        self.missing = None
        if not twice or text == self.told:
            return False
        self.told = text
        return True

    def gone(self, folder: str, why: str | None, *, now: float) -> str:
        """
        Take in that the folder is missing; return what is to be said now, if anything.

        Args:
            folder: The folder.
            why: Why it may come back; None where it is confirmed gone.
            now: Seconds of a clock that never goes back.
        """
        if self.missing is None:
            self.missing = now
        text = f"{folder} is gone: its return is waited for"
        text += f", as {why}" if why else f", {GRACE:g} s at the most"
        if why is None and now >= self.missing + GRACE:
            self.over = True
            text = f"{folder} is gone for good: nothing is left to watch"
        twice, self.seen = text == self.seen, text
        if text == self.told or not (twice or self.over):
            return ""
        self.told = text
        return text

    def succeeded(self) -> bool:
        """Take in a pass that went well; tell whether that is worth saying."""
        told, self.seen, self.told, self.missing = self.told, "", "", None
        return bool(told)
