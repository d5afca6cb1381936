"""The checks of this repository: `nox --list`, and `nox -t check` for what CI runs."""

import os
import shutil

import nox

import portconf.nox


nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests"]
# In CI nox fails where an interpreter is missing; here it is skipped and said so.
nox.options.error_on_missing_interpreters = False

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]

portconf.nox.verbs()


def group(name: str) -> tuple[str, ...]:
    """Return a dependency group; pip 23 has no option for one."""
    return nox.project.dependency_groups(PYPROJECT, name)


@portconf.nox.session(python=PYTHONS, tags=["check"])
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheel, with branch coverage."""
    session.install(".[all]", *group("test"))
    # 70 MB for two programs: the tests that need one are skipped without, and say so.
    for program in ("compose", "traefik"):
        session.install(*group(program), success_codes=[0, 1], silent=True)
    # Not in session.create_tmp(), which moves the tests into this checkout too.
    session.env["COVERAGE_FILE"] = os.path.join(
        session.virtualenv.location, ".coverage"
    )
    session.env["PYTHONWARNDEFAULTENCODING"] = "1"
    # The flat package in this folder must not shadow the wheel.
    session.env["PYTHONSAFEPATH"] = "1"
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *(session.posargs or ["-n", "2"]))
    session.run("coverage", "combine", silent=True)
    session.run("coverage", "report", *(["--fail-under=0"] if session.posargs else []))


@nox.session(tags=["check"])
def lint(session: nox.Session) -> None:
    """Check style, format and the names of the changelog's fragments."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("towncrier", "build", "--draft", "--version", "next", silent=True)


@nox.session(tags=["check"])
def types(session: nox.Session) -> None:
    """Check the types of package, tests, tasks and noxfile."""
    session.install(".[all]", *group("typing"))
    session.run("mypy")


@nox.session(tags=["check"])
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install(".[all]", *group("docs"))
    session.run("sphinx-build", "-W", "-n", "-q", "docs", "docs/_build/html")


@nox.session(tags=["check"])
def generated(session: nox.Session) -> None:
    """Compare the generated pages with what the code says; `-- write` writes them."""
    session.install("-e", ".[all]")
    session.run("python", "docs/generate.py", *session.posargs)


@nox.session
def minimums(session: nox.Session) -> None:
    """Run the tests with the oldest versions that the package allows."""
    oldest = [
        word.split(";")[0].split("[")[0].replace(">=", "==")
        for word in PYPROJECT["project"]["dependencies"]
    ]
    session.install(".[all]", *group("test"))
    session.install(*oldest)
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, and print the ratios as a table."""
    session.install(".[all]", *group("bench"))
    session.run("python", "benchmarks", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the source archive into dist/."""
    session.install("build")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
