"""`direnv`: prints the function `use_portconf` for direnv, or what it watches."""

import argparse

from portconf.cli.dispatch import Answer, project
from portconf.formats.posix import quote
from portconf.marks import MARK


FUNCTION = rf"""# {MARK} Save it anew with: portconf direnv
# For ~/.config/direnv/lib/portconf.sh, or for an .envrc: eval "$(portconf direnv)"

# Usage: use portconf [<folder>]
#
# Exports the ports of the project in the folder, the current one where none is named,
# and has them loaded again when they may have changed.
use_portconf() {{
  local folder=${{1:-.}} text
  # First, so that mending a broken declaration is noticed.
  watch_file "$folder/pyproject.toml"
  if ! has portconf; then
    log_error "use portconf: the program portconf is not on PATH, no ports are exported"
    return 1
  fi
  if ! text=$(portconf direnv --watch -C "$folder"); then
    log_error "use portconf: no ports are exported, for the reason above"
    return 1
  fi
  eval "$text"
  if ! text=$(portconf export --format sh -C "$folder"); then
    log_error "use portconf: no ports are exported, for the reason above"
    return 1
  fi
  eval "$text"
}}
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--watch",
        action="store_true",
        help="print what the function runs instead: a 'watch_file' for each file from"
        " which the ports follow",
    )


def run(options: argparse.Namespace) -> Answer:
    """Print the function; or look for the project, of which no lease is taken."""
    if not options.watch:
        return Answer(data={"function": FUNCTION}, text=FUNCTION)
    from portconf import fingerprints  # noqa: PLC0415 - the function has no use for it

    found = project(options)
    inputs = fingerprints.inputs(found.root, found.settings, found.registry_files())
    paths = [path for path, _ in inputs]
    text = "".join(f"watch_file {quote(path)}\n" for path in paths)
    return Answer(data={"watch": paths}, text=text)
