"""The JSON Schema of `[tool.portconf]`, made from the model that the parser reads by."""

from typing import Any

from portconf.alerts import Alerts
from portconf.keys import Key, keys_of
from portconf.model import Service
from portconf.names import FREE_VARIABLE_PATTERN, NAME_PATTERN
from portconf.settings import Pytest, Settings
from portconf.templates import LIMIT, TEMPLATE_PATTERN


_ID = "urn:portconf:schema:1"


def get_schema(tool_name: str = "portconf") -> dict[str, Any]:
    """
    Return the schema, as the entry point `validate_pyproject.tool_schema` asks.

    It accepts what the parser accepts, but for what only the whole table shows: two
    services with one variable or one fixed port, a service whose default variable
    is not free, a template that names no service.

    Args:
        tool_name: The name of the table below `[tool]`.

    Returns:
        A JSON Schema, draft 7.
    """
    variables = {"pattern": f"^{FREE_VARIABLE_PATTERN}$"}
    keys = _properties(keys_of(Service))
    keys["env"] |= variables
    names = {"pattern": f"^{NAME_PATTERN}$"}
    service = {
        "anyOf": [
            {**keys["purpose"], "description": "Just the purpose."},
            {
                "type": "object",
                "properties": keys,
                "additionalProperties": False,
            },
        ]
    }
    services = {
        "description": "The services, in the order of their first assignment.",
        "anyOf": [
            {"type": "array", "items": {"type": "string", **names}},
            {
                "type": "object",
                "propertyNames": names,
                "additionalProperties": service,
            },
        ],
    }
    templates = {
        "description": "Variables made from ports: `{NAME}` stands for a service's.",
        "type": "object",
        "propertyNames": variables,
        "additionalProperties": {
            "type": "string",
            "maxLength": LIMIT,
            "pattern": f"^{TEMPLATE_PATTERN}$",
        },
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": _ID,
        "title": f"[tool.{tool_name}]",
        "description": "The local services of a project, and their ports.",
        "type": "object",
        "properties": {
            **_properties(keys_of(Settings)),
            "services": services,
            "env": templates,
            "pytest": _inner(Pytest, "How pytest uses the ports."),
            "alerts": _inner(Alerts, "Who is told by `watch`, and of what."),
        },
        "additionalProperties": False,
    }


def _inner(table: type[Any], about: str) -> dict[str, Any]:
    return {
        "description": about,
        "type": "object",
        "properties": _properties(keys_of(table)),
        "additionalProperties": False,
    }


def _properties(keys: dict[str, Key]) -> dict[str, Any]:
    return {
        key.name: {"description": key.about, **_default(key), **key.kind.schema()}
        for key in keys.values()
    }


def _default(key: Key) -> dict[str, Any]:
    # JSON has no ranges and words of its own; None stands for an absent key.
    if key.default is None:
        return {}
    plain = key.default if isinstance(key.default, bool | int) else str(key.default)
    return {"default": plain}
