"""What a test needs of the machine."""

import shutil

import pytest


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing."""
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"needs the program {program}"
    )
