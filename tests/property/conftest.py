"""How many cases are generated, and that they leave nothing behind."""

import os

from hypothesis import HealthCheck, settings


settings.register_profile(
    "portconf",
    max_examples=60,
    # The machine may be busy: time says nothing of the code.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,  # a failure is turned into a test of its own, not remembered
    derandomize="CI" in os.environ,
)
settings.load_profile("portconf")
