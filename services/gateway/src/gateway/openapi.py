"""The OpenAPI document: FastAPI's, with our problems in place of its own and the roles that may call."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from gateway.auth import Role
from gateway.guard import ROLES
from gateway.problems import ProblemDetails, problems

_DESCRIPTION = """
One stock of LEGO parts, kept in step with the shops that sell it.

Every request needs a bearer token; what belongs to another seller is answered with 404. Whatever is refused is answered
as `application/problem+json`, naming the fields at fault. A request whose answer was lost is safe to repeat with the
same `Idempotency-Key`. An `X-Correlation-Id` that you send comes back, and is in every log and record that the request
caused. Amounts of money are decimal numbers in strings; times are RFC 3339.
"""
_TAGS = [
    {"name": "lots", "description": "What is in stock."},
    {"name": "changes", "description": "What happened to it: who, when, why, before and after."},
    {"name": "returns", "description": "Pieces that left an order, until somebody says where they are."},
    {"name": "oversells", "description": "Sales that found too few pieces."},
    {"name": "connections", "description": "The seller's shops, and how they are kept in step."},
    {"name": "waiting", "description": "What in a shop waits for a person, and what a person says of it."},
    {"name": "imports", "description": "Files that become lots."},
    {"name": "exports", "description": "Lots as files."},
    {"name": "bulk edits", "description": "One edit of many lots."},
    {"name": "undos", "description": "Changes and imports taken back."},
    {"name": "pings", "description": "For the marketplaces, which tell of new orders. They need no token."},
    {"name": "probes", "description": "For whoever runs the gateway. They need no token."},
]
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")
_PROBLEMS_OF_ALL = (400, 401, 403, 503)


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The document that /openapi.json serves."""
    document = get_openapi(
        title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes, tags=_TAGS
    )
    schemas = document["components"]["schemas"]
    for name in _FASTAPI_ERRORS:
        schemas.pop(name, None)
    _, problem_schemas = models_json_schema(
        [(ProblemDetails, "serialization")], ref_template="#/components/schemas/{model}"
    )
    schemas.update(problem_schemas["$defs"])
    for operation in _operations_of(document):
        responses = operation["responses"]
        responses.pop("422", None)
        if (allowed := ROLES.get(operation["operationId"])) is not None:
            responses |= {str(status): told for status, told in problems(*_PROBLEMS_OF_ALL).items()}
            words = ", ".join(role for role in Role if role in allowed)
            operation["description"] += f"\n\nRoles: {words}."
        operation["responses"] = {status: _in_words(status, told) for status, told in sorted(responses.items())}
    return document


def _in_words(status: str, response: dict[str, Any]) -> dict[str, Any]:
    """FastAPI calls every success "Successful Response"; the status says more."""
    return response | {"description": HTTPStatus(int(status)).phrase}


def _operations_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()
