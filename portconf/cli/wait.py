"""`wait`: waits until services answer."""

import argparse
import os
import sys
from typing import TextIO

from portconf.cli import plain, say
from portconf.cli.dispatch import Answer, project
from portconf.cli.health import arguments, terminable
from portconf.health import Report


# Seconds; a line for less is only a flicker.
_QUIET = 0.15


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments(parser, timeout=30)


def run(options: argparse.Namespace) -> Answer:
    """Do what `Project.wait` does, with a line of progress on a terminal."""
    progress = _Progress(options.timeout)
    try:
        with terminable():
            report = project(options).wait(
                options.services, timeout=options.timeout, on_progress=progress
            )
    finally:
        progress.clear()
    names = ", ".join(each.service for each in report.services)
    answer = f"{names}: healthy after {report.seconds:.1f} s"
    return Answer(
        data=report.to_dict(),
        notes=(answer if names else "no service is declared: nothing to wait for",),
    )


class _Progress:
    """One line on a terminal, written anew where it stands; elsewhere only warnings."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._stream = _terminal(sys.stderr)
        self._shown = ""
        self._told: set[str] = set()

    def __call__(self, report: Report) -> None:
        """Show how far it is."""
        for note in report.notes:
            if note not in self._told:
                self._told.add(note)
                self.clear()
                say(f"portconf: warning: {note}")
        if self._stream and report.seconds > _QUIET and not report.healthy:
            waits = ", ".join(f"{h.service} ({h.seen})" for h in report.unhealthy)
            text = f"{report.seconds:.0f} s of {self._timeout:g} s, waits for {waits}"
            self._show(plain(text), self._stream)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown and self._stream:
            self._show("", self._stream)

    def _show(self, text: str, stream: TextIO) -> None:
        # Blanks instead of an escape: any terminal knows them, and NO_COLOR is kept.
        width = _width(stream) - 1  # in the last column some go on to the next line
        text = text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."
        if text != self._shown:
            rest = "" if text else "\r"
            print(
                f"\r{text.ljust(len(self._shown))}{rest}",
                end="",
                file=stream,
                flush=True,
            )
            self._shown = text


def _terminal(stream: TextIO | None) -> TextIO | None:
    """Return a stream on which a line can be written anew, or None."""
    if stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
        return None
    return stream


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
