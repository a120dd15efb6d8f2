"""`/docs`: the control API's OpenAPI document as plain HTML, since FastAPI's own page needs the internet."""

import json
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class _Field:
    name: str
    kind: str
    default: str
    meaning: str


def docs_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of an OpenAPI document."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    operations = [
        {
            "method": method.upper(),
            "path": path,
            "meaning": operation.get("description", ""),
            "asked": [
                _parameter(parameter) for parameter in operation.get("parameters", []) if parameter["in"] == "query"
            ],
            "body": _body_fields(operation, schemas),
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return {
        "operations": operations,
        "switches": _fields(schemas["Switches"]),
        "meaning": document["info"]["description"],
    }


def _parameter(parameter: dict[str, Any]) -> _Field:
    meaning = parameter.get("description", "")
    return _Field(parameter["name"], _kind(parameter["schema"]), _default(parameter["schema"]), meaning)


def _body_fields(operation: dict[str, Any], schemas: dict[str, Schema]) -> list[_Field]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    for candidate in (schema, *schema.get("anyOf", [])):
        if reference := candidate.get("$ref"):
            return _fields(schemas[reference.rpartition("/")[2]])
    return []


def _fields(schema: Schema) -> list[_Field]:
    return [
        _Field(name, _kind(field), _default(field), field.get("description", ""))
        for name, field in schema["properties"].items()
    ]


def _kind(schema: Schema) -> str:
    if reference := schema.get("$ref"):
        return str(reference).rpartition("/")[2]
    if variants := schema.get("anyOf"):
        return " or ".join(_kind(variant) for variant in variants)
    if words := schema.get("enum"):
        return ", ".join(str(word) for word in words)
    return f"list of {_kind(schema['items'])}" if schema.get("type") == "array" else str(schema.get("type", "any"))


def _default(schema: Schema) -> str:
    return json.dumps(schema["default"]) if "default" in schema else ""
