"""`nox -s tests`, and `nox -s ports-status` with its like."""

import nox

import portconf.nox


portconf.nox.verbs()

# In a project of your own, "portconf[all]" of the group `dev` is enough.
PORTCONF = ("-e", "../..[all]")


@portconf.nox.session(isolate=True)
def tests(session: nox.Session) -> None:
    """Run the tests; `nox -s tests -- -n 0` has ports of its own as well."""
    session.install(*PORTCONF, "-e", ".[dev]")
    session.run("pytest", *session.posargs)
