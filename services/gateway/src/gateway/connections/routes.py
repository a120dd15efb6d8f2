"""/v1/connections."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from brickops.credentials.v1 import credentials_admin_service_pb2 as credentials
from brickops.sync.v1 import sync_service_pb2
from gateway.commands import RequestId
from gateway.connections.models import (
    Connection,
    ConnectionTested,
    DefaultChanged,
    DefaultPlanned,
    Difference,
    FieldDefault,
    KeysChanged,
    NewConnection,
    PingAddress,
    RetryAsked,
    RetryPlanned,
    SyncAsked,
    SyncPlanned,
)
from gateway.connections.translate import (
    change_to_proto,
    connection_of,
    credential_to_proto,
    default_of,
    difference_of,
    tested_of,
    validation_to_proto,
)
from gateway.guard import BEARER, GuardedRoute
from gateway.pages import Page, PageAsked
from gateway.problems import FieldProblem, Problem, problems
from gateway.upstreams import COMMAND_SECONDS, Behind, FromBehind

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=GuardedRoute, dependencies=[BEARER])

Marketplace = Annotated[str, Path(description="The marketplace.", examples=["bricklink"])]

TEST_SECONDS = 25.0
"""A little longer than a sync service waits for its worker's call."""
SYNC_SECONDS = 2.0
"""How long a read waits for a sync service before it says that it is unavailable."""


@router.get("", summary="List connections")
async def list_connections(behind: FromBehind) -> Page[Connection]:
    """Lists the seller's shop at each marketplace, connected or not."""
    found = await asyncio.gather(*(_read(behind, marketplace) for marketplace in behind.marketplaces))
    return Page(items=found, next_cursor=None)


@router.get("/{marketplace}", summary="Read a connection", responses=problems(404))
async def get_connection(marketplace: Marketplace, behind: FromBehind) -> Connection:
    """Says what a connection does, or why it does nothing and what to do about it."""
    behind.sync(marketplace)
    return await _read(behind, marketplace)


@router.put("/{marketplace}", summary="Connect a shop, or give it new keys", responses=problems(404, 409))
async def put_connection(
    marketplace: Marketplace, connection: NewConnection, request_id: RequestId, behind: FromBehind
) -> Connection:
    """Stores the keys, encrypted, and connects the shop. It is read first, and matched with the lots."""
    behind.sync(marketplace)
    asked = credential_to_proto(connection, request_id)
    _check_whose(asked.WhichOneof("keys"), marketplace)
    answer = await behind.ask(behind.credentials.PutCredential, asked, seconds=COMMAND_SECONDS)
    return connection_of(marketplace, answer.status, await _sync(behind, marketplace))


@router.patch("/{marketplace}/keys", summary="Replace some of a shop's keys", responses=problems(404, 409))
async def rotate_keys(
    marketplace: Marketplace, change: KeysChanged, request_id: RequestId, behind: FromBehind
) -> Connection:
    """Stores new values in place of some, as a new version of the keys. The shop is matched again before anything is
    sent to it, as the new keys could be another shop's.
    """
    behind.sync(marketplace)
    asked = change_to_proto(change, request_id)
    _check_whose(asked.WhichOneof("keys"), marketplace)
    answer = await behind.ask(behind.credentials.RotateCredential, asked, seconds=COMMAND_SECONDS)
    return connection_of(marketplace, answer.status, await _sync(behind, marketplace))


@router.delete(
    "/{marketplace}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Disconnect a shop and destroy its keys",
    responses=problems(404, 409),
)
async def revoke_connection(marketplace: Marketplace, request_id: RequestId, behind: FromBehind) -> None:
    """Destroys the keys. The shop stays as it is; nothing is sent to it any more."""
    behind.sync(marketplace)
    asked = credentials.RevokeCredentialRequest(request_id=request_id, marketplace=marketplace)
    await behind.ask(behind.credentials.RevokeCredential, asked, seconds=COMMAND_SECONDS)


@router.post("/{marketplace}/confirm", summary="Agree to the first plan", responses=problems(404, 409))
async def confirm_connection(marketplace: Marketplace, request_id: RequestId, behind: FromBehind) -> Connection:
    """Agrees to what matching found in a shop that was not empty: until then the shop is only read."""
    asked = sync_service_pb2.ConfirmConnectionRequest(request_id=request_id)
    confirm = behind.sync(marketplace).ConfirmConnection
    answer = await behind.ask(confirm, asked, seconds=COMMAND_SECONDS)
    return connection_of(marketplace, await _credential(behind, marketplace), answer.connection)


@router.post("/{marketplace}/pause", summary="Pause a connection", responses=problems(404, 409))
async def pause_connection(marketplace: Marketplace, request_id: RequestId, behind: FromBehind) -> Connection:
    """Stops everything that would change the shop, from the next call on, until it is resumed. Orders are read all the
    same, so sales are seen; your changes are kept, and sent afterwards.
    """
    asked = sync_service_pb2.PauseConnectionRequest(request_id=request_id)
    answer = await behind.ask(behind.sync(marketplace).PauseConnection, asked, seconds=COMMAND_SECONDS)
    return connection_of(marketplace, await _credential(behind, marketplace), answer.connection)


@router.post("/{marketplace}/resume", summary="Resume a connection", responses=problems(404, 409))
async def resume_connection(marketplace: Marketplace, request_id: RequestId, behind: FromBehind) -> Connection:
    """Ends a pause: what has changed since is sent."""
    asked = sync_service_pb2.ResumeConnectionRequest(request_id=request_id)
    answer = await behind.ask(behind.sync(marketplace).ResumeConnection, asked, seconds=COMMAND_SECONDS)
    return connection_of(marketplace, await _credential(behind, marketplace), answer.connection)


@router.post("/{marketplace}/test", summary="Test a shop's keys", responses=problems(404, 409))
async def test_connection(marketplace: Marketplace, behind: FromBehind) -> ConnectionTested:
    """Finds out whether the shop lets us in, by a call of the budget, and keeps what it came to. Where the connection
    waits for the shop anyway, that is told at once.
    """
    asked = sync_service_pb2.TestConnectionRequest()
    # Once: each asking is a call of the shop's, charged (rule B1).
    answer = await behind.ask(behind.sync(marketplace).TestConnection, asked, seconds=TEST_SECONDS, attempts=1)
    kept = validation_to_proto(marketplace, answer)
    await behind.ask(behind.credentials.RecordValidation, kept, seconds=COMMAND_SECONDS)
    return tested_of(answer)


@router.get("/{marketplace}/defaults", summary="List what lots may leave unsaid", responses=problems(404))
async def list_defaults(marketplace: Marketplace, behind: FromBehind) -> Page[FieldDefault]:
    """Lists the fields that this marketplace wants and a lot may leave unsaid, and what they are then in this shop."""
    answer = await behind.ask(behind.sync(marketplace).ListDefaults, sync_service_pb2.ListDefaultsRequest())
    return Page(items=[default_of(one) for one in answer.defaults], next_cursor=None)


@router.put("/{marketplace}/defaults/{field}", summary="Say what lots leave unsaid", responses=problems(404, 409))
async def set_default(
    marketplace: Marketplace,
    field: Annotated[str, Path(description="The field, by its name at the marketplace.", examples=["grade"])],
    change: DefaultChanged,
    request_id: RequestId,
    behind: FromBehind,
) -> DefaultPlanned:
    """Says what a field is where a lot does not say it; listings of such lots are changed, in their turn."""
    asked = sync_service_pb2.SetDefaultRequest(request_id=request_id, field=field, value=change.value)
    answer = await behind.ask(behind.sync(marketplace).SetDefault, asked, seconds=COMMAND_SECONDS)
    return DefaultPlanned(default=default_of(answer.default), message=answer.message)


@router.post("/{marketplace}/sync", summary="Read a shop now", responses=problems(404, 409))
async def sync_now(
    marketplace: Marketplace, wanted: SyncAsked, request_id: RequestId, behind: FromBehind
) -> SyncPlanned:
    """Reads the shop's orders as soon as a call may be made, and compares the whole shop if asked. People may ask for a
    small share of the shop's calls in this way; beyond it, orders are read as always.
    """
    asked = sync_service_pb2.SyncNowRequest(request_id=request_id, compare=wanted.compare)
    answer = await behind.ask(behind.sync(marketplace).SyncNow, asked, seconds=COMMAND_SECONDS)
    return SyncPlanned(brought_forward=answer.brought_forward, message=answer.message)


@router.get("/{marketplace}/ping-address", summary="Read where pings may come to", responses=problems(404))
async def get_ping_address(marketplace: Marketplace, behind: FromBehind) -> PingAddress:
    """Says which address to type into the marketplace's settings, so that it tells of new orders at once. Without it
    orders are found by reading them. Brick Owl needs none: it is asked by a call.
    """
    answer = await behind.ask(behind.sync(marketplace).GetPingToken, sync_service_pb2.GetPingTokenRequest())
    return PingAddress(path=f"/pings/{marketplace}/{answer.token}")


@router.post("/{marketplace}/retry", summary="Try again what was set aside", responses=problems(404, 409))
async def retry(
    marketplace: Marketplace, wanted: RetryAsked, request_id: RequestId, behind: FromBehind
) -> RetryPlanned:
    """Tries again what the shop refused: of one lot, or of all lots for which the reason is the same."""
    if bool(wanted.lot_id) == bool(wanted.reason):
        raise Problem.of_field("reason", "or lot_id must be given, and not both")
    asked = sync_service_pb2.RetryRequest(request_id=request_id, lot_id=wanted.lot_id or "", reason=wanted.reason or "")
    answer = await behind.ask(behind.sync(marketplace).Retry, asked, seconds=COMMAND_SECONDS)
    return RetryPlanned(lots=answer.lots, message=answer.message)


@router.get("/{marketplace}/differences", summary="List differing quantities", responses=problems(404))
async def list_differences(marketplace: Marketplace, query: PageAsked, behind: FromBehind) -> Page[Difference]:
    """Lists the lots whose listing showed another quantity when the shop was first matched."""
    asked = sync_service_pb2.ListDifferencesRequest(page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.sync(marketplace).ListDifferences, asked)
    return Page(items=[difference_of(one) for one in answer.differences], next_cursor=answer.next_page_token or None)


def _check_whose(keys: str | None, marketplace: str) -> None:
    """See that keys are those of the marketplace that the path names. Raises Problem (400)."""
    if keys != marketplace:
        raise Problem.of_fields([FieldProblem(field="keys", detail=f"must be those of {marketplace}")])


async def _read(behind: Behind, marketplace: str) -> Connection:
    credential, sync = await asyncio.gather(_credential(behind, marketplace), _sync(behind, marketplace))
    return connection_of(marketplace, credential, sync)


async def _credential(behind: Behind, marketplace: str) -> credentials.CredentialStatus | None:
    asked = credentials.GetCredentialStatusRequest(marketplace=marketplace)
    try:
        return (await behind.ask(behind.credentials.GetCredentialStatus, asked)).status
    except Problem as problem:
        if problem.status_code == HTTPStatus.NOT_FOUND:
            return None
        raise


async def _sync(behind: Behind, marketplace: str) -> sync_service_pb2.Connection | None:
    asked = sync_service_pb2.GetConnectionRequest()
    try:
        answer = await behind.ask(behind.sync(marketplace).GetConnection, asked, seconds=SYNC_SECONDS)
    except Problem as problem:
        # The keys' side of a connection is worth telling without the shop's side.
        if problem.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return None
        raise
    return answer.connection
