"""Who may do what: asked of the whole application with nobody behind it, so nothing refused can have been asked."""

from collections.abc import Iterator

import httpx
import pytest

from gateway.app import Gateway
from gateway.auth import Role
from gateway.guard import ROLES, GuardedRoute
from gateway.signing_keys import FETCH_PAUSE
from gateway.testing.issuer import Issuer
from servicekit.testing.clock import SteppedClock

OPEN = {"healthz", "readyz", "take_ping"}
READS = {
    "list_lots",
    "get_lot",
    "get_lot_sync",
    "list_changes",
    "list_returns",
    "list_oversells",
    "get_change",
    "list_imports",
    "get_import",
    "get_import_undo",
    "list_import_rows",
    "download_import_rows",
    "export_lots",
    "preview_bulk_edit",
    "get_bulk_edit",
    "list_connections",
    "get_connection",
    "list_differences",
    "get_plan",
    "list_waiting",
    "get_waiting",
    "list_unassigned_lines",
    "list_unmapped_items",
    "list_defaults",
    "list_unowned_listings",
}
OWNERS_ONLY = {
    "test_connection",
    "list_key_events",
    "list_leases",
    "rotate_keys",
    "put_connection",
    "revoke_connection",
    "confirm_connection",
    "pause_connection",
    "resume_connection",
    "answer_alarm",
    "answer_shop",
    "set_default",
    "get_ping_address",
}


def operations(app: Gateway) -> Iterator[tuple[str, str, str]]:
    """Method, path and name of everything that is served."""
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.replace("{", "").replace("}", ""), operation["operationId"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_every_operation_is_in_the_table(app: Gateway) -> None:
    assert {name for _, _, name in operations(app)} - OPEN == set(ROLES)


def test_the_table_says_what_the_roles_mean() -> None:
    """Owner: everything; editor: lots, imports and what waits, not connections; viewer: reads."""
    assert {name for name, allowed in ROLES.items() if Role.VIEWER in allowed} == READS
    assert {name for name, allowed in ROLES.items() if Role.EDITOR not in allowed} == OWNERS_ONLY
    assert all(Role.OWNER in allowed for allowed in ROLES.values())


def test_a_route_that_the_table_lacks_cannot_be_served() -> None:
    async def forgotten() -> None:
        """Not in the table."""

    with pytest.raises(KeyError):
        GuardedRoute("/v1/forgotten", forgotten)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_that_may_not_is_refused_before_anything_else(
    app: Gateway, client: httpx.AsyncClient, issuer: Issuer, role: Role
) -> None:
    """The body is no JSON and the query is unknown: neither is looked at."""
    headers = bearer(issuer.token(role=role)) | {"Content-Type": "application/json"}
    for method, path, name in operations(app):
        if name in OPEN or role in ROLES[name]:
            continue
        answer = await client.request(method, f"{path}?unknown=1", headers=headers, content=b"{")
        assert (answer.status_code, answer.json()["reason"]) == (403, "ROLE_NOT_ALLOWED"), name
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


async def test_without_a_token_nothing_is_answered(app: Gateway, client: httpx.AsyncClient) -> None:
    for method, path, name in operations(app):
        if name in OPEN:
            continue
        answer = await client.request(method, path, content=b"{", headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["reason"]) == (401, "TOKEN_MISSING"), name
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="brickops"'


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token"])
async def test_what_is_no_bearer_token_counts_as_none(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/v1/lots", headers={"Authorization": header})

    assert (answer.status_code, answer.json()["reason"]) == (401, "TOKEN_MISSING")


async def test_a_token_that_is_not_valid_says_so(client: httpx.AsyncClient, issuer: Issuer) -> None:
    answer = await client.get("/v1/lots", headers=bearer(issuer.token(aud="other")))

    assert (answer.status_code, answer.json()["reason"]) == (401, "TOKEN_INVALID")
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="brickops", error="invalid_token", error_description="The token is not valid here."'
    )


async def test_while_the_issuer_is_away_nobody_is_called_an_impostor(
    client: httpx.AsyncClient, issuer: Issuer, clock: SteppedClock
) -> None:
    issuer.down = True
    ready, asked = await client.get("/readyz"), await client.get("/v1/lots", headers=bearer(issuer.token()))
    assert (ready.status_code, ready.json()["reason"]) == (503, "NOT_READY")
    assert (asked.status_code, asked.json()["reason"]) == (503, "TRY_AGAIN")
    assert ready.headers["Retry-After"] == asked.headers["Retry-After"] == "2"

    issuer.down = False
    clock.advance(FETCH_PAUSE)
    assert (await client.get("/readyz")).json() == {"status": "ok"}


async def test_a_living_process_is_healthy_whatever_is_away(client: httpx.AsyncClient, issuer: Issuer) -> None:
    issuer.down = True

    assert (await client.get("/healthz")).json() == {"status": "ok"}
