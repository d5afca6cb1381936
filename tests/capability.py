"""What a test needs of the machine."""

import os
import shutil

import pytest


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing."""
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"needs the program {program}"
    )


def unmeasured() -> dict[str, str]:
    """
    Return an environment without coverage, which measures our child processes too.

    It writes files as they end, which fails where a test takes files away from them.
    """
    return {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
