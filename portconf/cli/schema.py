"""`schema`: prints the JSON Schema of `[tool.portconf]`."""

import argparse
import json

from portconf.cli.dispatch import Answer
from portconf.schema import get_schema


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(options: argparse.Namespace) -> Answer:
    """Print what `portconf.schema.get_schema` returns."""
    del options
    schema = get_schema()
    return Answer(data=schema, text=json.dumps(schema, indent=2) + "\n")
