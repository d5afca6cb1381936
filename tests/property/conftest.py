"""How many cases are generated, and that they leave nothing behind."""

import os

from hypothesis import settings


settings.register_profile(
    "portconf",
    max_examples=60,
    deadline=None,  # the machine may be busy
    database=None,  # a failure is turned into a test of its own, not remembered
    derandomize="CI" in os.environ,
)
settings.load_profile("portconf")
