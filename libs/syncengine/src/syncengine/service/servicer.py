"""The gRPC face of a sync service: what the gateway may ask for a seller."""

import base64
import binascii
from dataclasses import replace
from typing import Any, Final

from grpc import StatusCode, aio

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceServicer
from servicekit.callers import require_role
from servicekit.grpc_errors import ErrorTable, InvalidField
from syncengine.budget import cap_of
from syncengine.clock import Clock
from syncengine.listing import LotId, SellerId
from syncengine.marketplace import Facts
from syncengine.rows import ConnectionRow, Settings
from syncengine.service.status import status_of
from syncengine.store.protocol import Store, Transaction

Context = aio.ServicerContext[Any, Any]

SERVICE: Final = "brickops.sync.v1.SyncService"
"""Its full name, for a server's list of callers."""

_READERS: Final = ("owner", "editor", "viewer")
_DEFAULT_PAGE: Final = 50
_LARGEST_PAGE: Final = 500
_LONGEST_REQUEST_ID: Final = 100


class ConnectionNotFound(Exception):
    """The seller has no connection here."""


class NothingToConfirm(Exception):
    """There is no plan yet to which the seller could agree."""


STATUS_OF: Final[ErrorTable] = {
    ConnectionNotFound: (StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND"),
    NothingToConfirm: (StatusCode.FAILED_PRECONDITION, "NOTHING_TO_CONFIRM"),
}
"""What each error is over gRPC."""


class SyncServicer(SyncServiceServicer):
    """Answers from the rows alone; calls no shop."""

    def __init__(self, *, store: Store, clock: Clock, facts: Facts, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._facts = facts
        self._settings = settings

    async def GetConnection(  # noqa: N802 - gRPC's name
        self, request: pb.GetConnectionRequest, context: Context
    ) -> pb.GetConnectionResponse:
        """Says what the connection does, or why it does nothing."""
        seller_id = SellerId(require_role(*_READERS).require_seller())
        async with self._store.transaction() as tx:
            connection = await tx.find_connection(seller_id)
            return pb.GetConnectionResponse(connection=await self._told(tx, seller_id, connection))

    async def ListDifferences(  # noqa: N802
        self, request: pb.ListDifferencesRequest, context: Context
    ) -> pb.ListDifferencesResponse:
        """Lists the lots whose listing shows another quantity than it should."""
        seller_id = SellerId(require_role(*_READERS).require_seller())
        if not 0 <= request.page_size <= _LARGEST_PAGE:
            raise InvalidField("page_size", f"must be 1 to {_LARGEST_PAGE}, or 0 for {_DEFAULT_PAGE}")
        size = request.page_size or _DEFAULT_PAGE
        after = _lot_of(request.page_token) if request.page_token else None
        async with self._store.transaction() as tx:
            _known(await tx.find_connection(seller_id))
            found = await tx.differences(seller_id, after=after, limit=size + 1)
        shown = found[:size]
        return pb.ListDifferencesResponse(
            differences=[
                pb.Difference(lot_id=one.lot_id, listing_id=one.listing_id, ours=one.ours, theirs=one.theirs)
                for one in shown
            ],
            next_page_token=_token_of(shown[-1].lot_id) if len(found) > size else "",
        )

    async def ConfirmConnection(  # noqa: N802
        self, request: pb.ConfirmConnectionRequest, context: Context
    ) -> pb.ConfirmConnectionResponse:
        """Agrees to the plan that waits, the first one or many removals; again does no harm (rules C2, B5)."""
        seller_id = SellerId(require_role("owner").require_seller())
        if not 1 <= len(request.request_id) <= _LONGEST_REQUEST_ID or not request.request_id.isprintable():
            raise InvalidField("request_id", f"must have 1 to {_LONGEST_REQUEST_ID} printable characters")
        async with self._store.transaction() as tx:
            _known(await tx.find_connection(seller_id))
            connection = _known(await tx.lock_connection(seller_id))
            if connection.confirmed_at is None:
                if connection.census_reason is not None or connection.census_at is None:
                    raise NothingToConfirm("The shop has not been matched yet, so there is no plan to agree to.")
                now = self._clock.now()
                connection = replace(connection, confirmed_at=now, due_at=now)
                await tx.save_connection(connection)
            elif connection.removals_held:
                now = self._clock.now()
                connection = replace(connection, removals_agreed_at=now, removals_held=0, due_at=now)
                await tx.save_connection(connection)
            return pb.ConfirmConnectionResponse(connection=await self._told(tx, seller_id, connection))

    async def _told(self, tx: Transaction, seller_id: SellerId, connection: ConnectionRow | None) -> pb.Connection:
        limit, now = self._facts.limit, self._clock.now()
        used = await tx.calls_since(seller_id, limit.name, now - limit.window)
        status = status_of(connection, self._facts, self._settings, used=used, now=now)
        told = pb.Connection(
            marketplace=self._facts.marketplace, state=status.state, reason=status.reason, message=status.message
        )
        if connection is None or not connection.enabled:
            return told
        told.key_version = connection.key_version
        counts = await tx.count_listings(seller_id)
        told.calls_used = used
        told.calls_limit = cap_of(connection, self._facts)
        told.waiting_lots, told.unknown_lots = counts.waiting, counts.unknown
        if connection.orders_read_at is not None:
            told.last_order_read_at.FromDatetime(connection.orders_read_at)
        if connection.census_at is not None:
            told.last_census_at.FromDatetime(connection.census_at)
            told.match.CopyFrom(_match_of(connection))
        return told


def _match_of(connection: ConnectionRow) -> pb.Match:
    match = connection.match
    return pb.Match(
        linked=match.linked,
        to_create=match.to_create,
        ambiguous=match.ambiguous,
        unowned=match.unowned,
        different=match.different,
    )


def _known(connection: ConnectionRow | None) -> ConnectionRow:
    if connection is None or not connection.enabled:
        raise ConnectionNotFound("No shop is connected.")
    return connection


def _token_of(lot_id: LotId) -> str:
    return base64.urlsafe_b64encode(lot_id.encode()).decode()


def _lot_of(token: str) -> LotId:
    try:
        return LotId(base64.b64decode(token, altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError):
        raise InvalidField("page_token", "is not one that this list gave") from None
