"""The tasks of this repository: `invoke --list`."""

from invoke.collection import Collection

from portconf import tasks as ports


ns = Collection(ports)
