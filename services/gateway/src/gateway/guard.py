"""Which role may do what, and the route class that sees to it before a request's body is read."""

import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from gateway.auth import InvalidToken, Principal, Role, Tokens
from gateway.problems import RETRY_AFTER_SECONDS, Problem
from gateway.signing_keys import KeysUnavailable

READERS = frozenset(Role)
EDITORS = frozenset({Role.OWNER, Role.EDITOR})
OWNERS = frozenset({Role.OWNER})

ROLES: Mapping[str, frozenset[Role]] = {
    "create_lot": EDITORS,
    "list_lots": READERS,
    "get_lot": READERS,
    "get_lot_sync": READERS,
    "update_lot": EDITORS,
    "adjust_quantity": EDITORS,
    "archive_lot": EDITORS,
    "restore_lot": EDITORS,
    "list_changes": READERS,
    "get_change": READERS,
    "undo_change": EDITORS,
    "undo_import": EDITORS,
    "redo_import": EDITORS,
    "get_import_undo": READERS,
    "preview_bulk_edit": READERS,
    "create_bulk_edit": EDITORS,
    "get_bulk_edit": READERS,
    "cancel_bulk_edit": EDITORS,
    "undo_bulk_edit": EDITORS,
    "redo_bulk_edit": EDITORS,
    "list_returns": READERS,
    "answer_return": EDITORS,
    "list_oversells": READERS,
    "create_import": EDITORS,
    "import_shop": EDITORS,
    "confirm_import": EDITORS,
    "cancel_import": EDITORS,
    "list_imports": READERS,
    "get_import": READERS,
    "list_import_rows": READERS,
    "download_import_rows": READERS,
    "export_lots": READERS,
    "list_connections": READERS,
    "get_connection": READERS,
    "put_connection": OWNERS,
    "rotate_keys": OWNERS,
    "revoke_connection": OWNERS,
    "test_connection": OWNERS,
    "list_key_events": OWNERS,
    "list_leases": OWNERS,
    "confirm_connection": OWNERS,
    "list_differences": READERS,
    "get_plan": READERS,
    "pause_connection": OWNERS,
    "resume_connection": OWNERS,
    "sync_now": EDITORS,
    "get_ping_address": OWNERS,
    "retry": EDITORS,
    "answer_alarm": OWNERS,
    "answer_shop": OWNERS,
    "list_waiting": READERS,
    "get_waiting": READERS,
    "answer_conflict": EDITORS,
    "answer_trouble": EDITORS,
    "list_unassigned_lines": READERS,
    "assign_lines": EDITORS,
    "list_unowned_listings": READERS,
    "list_unmapped_items": READERS,
    "map_item": EDITORS,
    "list_defaults": READERS,
    "set_default": OWNERS,
}
"""Who may call each operation; one that is missing here cannot be served. The services check again."""

JSON_LIMIT = 1024 * 1024
IMPORT_LIMIT = 32 * 1024 * 1024
CONFIRMATION_LIMIT = 4 * 1024 * 1024
"""Choices for some 40,000 single rows."""
_MULTIPART_ALLOWANCE = 64 * 1024

BODY_LIMITS: Mapping[str, int] = {
    "create_import": IMPORT_LIMIT + _MULTIPART_ALLOWANCE,
    "confirm_import": CONFIRMATION_LIMIT,
}
"""Bytes that the body of an operation may have, where it is not JSON_LIMIT."""

BEARER = Depends(
    HTTPBearer(
        auto_error=False,
        bearerFormat="JWT",
        description="A token from the issuer. `make token ROLE=owner` prints one for the development stack.",
    )
)
"""Shows the tokens in the OpenAPI document; GuardedRoute checks them."""


class GuardedRequest(Request):
    """A request whose body is cut off when it grows too long, and whose JSON means one thing only."""

    limit = JSON_LIMIT

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body in pieces. Raises Problem (413) as soon as it is known to be too long."""
        declared = self.headers.get("content-length", "")
        size = 0
        if declared.isascii() and declared.isdigit() and int(declared) > self.limit:
            raise too_large(self.limit)
        async for piece in super().stream():
            size += len(piece)
            if size > self.limit:
                raise too_large(self.limit)
            yield piece

    async def json(self) -> Any:
        """The body's JSON value. Raises json.JSONDecodeError, or Problem for what JSON allows and we do not."""
        try:
            return json.loads(await self.body(), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
        except json.JSONDecodeError:
            raise
        except RecursionError:
            raise Problem.of_field("body", "is nested too deeply") from None
        except ValueError:
            # Text that is not UTF-8, or an integer of thousands of digits.
            raise Problem.of_field("body", "is not valid JSON, or holds a number that is far too long") from None


def too_large(limit: int) -> Problem:
    """The refusal of a body of more than `limit` bytes."""
    size = f"{limit // 1024 // 1024} MiB"
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "BODY_TOO_LARGE", f"The body may have {size} at most.")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise Problem.of_field(repeated, "stands there more than once")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise Problem.of_field("body", f"is not valid JSON: {word} is no JSON number")


class GuardedRoute(APIRoute):
    """A route that asks who is there, and whether they may, before it reads anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wraps FastAPI's handler of this route. Raises KeyError at start for a route that ROLES lacks."""
        answer = super().get_route_handler()
        allowed = ROLES[self.name]
        limit = BODY_LIMITS.get(self.name, JSON_LIMIT)

        async def guarded(request: Request) -> Response:
            request.state.principal = await _authenticated(request, allowed)
            checked = GuardedRequest(request.scope, request.receive)
            checked.limit = limit
            return await answer(checked)

        return guarded


async def _authenticated(request: Request, allowed: frozenset[Role]) -> Principal:
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() != "bearer" or not token:
        raise _refused(HTTPStatus.UNAUTHORIZED, "TOKEN_MISSING", "This needs a bearer token.", None)
    tokens: Tokens = request.app.state.tokens
    try:
        principal = await tokens.verify(token)
    except InvalidToken as invalid:
        raise _refused(HTTPStatus.UNAUTHORIZED, "TOKEN_INVALID", str(invalid), "invalid_token") from invalid
    except KeysUnavailable:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "TRY_AGAIN",
            "Tokens cannot be checked right now: the issuer does not answer.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        ) from None
    if principal.role not in allowed:
        words = " or ".join(role for role in Role if role in allowed)
        raise _refused(HTTPStatus.FORBIDDEN, "ROLE_NOT_ALLOWED", f"This needs the role {words}.", "insufficient_scope")
    return principal


def _refused(status: HTTPStatus, reason: str, detail: str, error: str | None) -> Problem:
    challenge = 'Bearer realm="brickops"' + (f', error="{error}", error_description="{detail}"' if error else "")
    return Problem(status, reason, detail, headers={"WWW-Authenticate": challenge})
