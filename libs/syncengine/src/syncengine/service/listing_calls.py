"""Listings that no lot owns, and order lines that nobody knows the lot of."""

from collections.abc import Mapping
from functools import partial

from brickops.inventory.v1 import lot_pb2
from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.grpc_errors import InvalidField
from syncengine.answers import WrongLotError, lines_assigned, lines_set_aside
from syncengine.catalog import origins_of
from syncengine.held import holding_lines
from syncengine.listing import CatalogEntry, Listing, ListingId, LotId
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.order import LineRow
from syncengine.service import words
from syncengine.service.asking import EDITORS, Context, Desk, after_of, cut, known, page_size, reader, wake
from syncengine.service.theirs import item_told
from syncengine.service.waiting import line_told, unowned_told
from syncengine.store.protocol import Transaction

_BETWEEN = "\0"
"""Stands in a page token between order and listing."""


class ListingCalls(Desk):
    """Calls about listings and order lines of no lot."""

    async def ListUnownedListings(  # noqa: N802 - gRPC's names, here and below
        self, request: pb.ListUnownedListingsRequest, context: Context
    ) -> pb.ListUnownedListingsResponse:
        """Lists what the last census saw and no lot owns."""
        seller_id, size = reader(), page_size(request.page_size)
        after = ListingId(after_of(request.page_token))
        async with self._store.transaction() as tx:
            connection = known(await tx.find_connection(seller_id))
            found = await tx.page_of_unowned(seller_id, after=after or None, limit=size + 1)
            origins = await origins_of(tx, seller_id, [kept.listing for kept in found])
        shown, token = cut(found, size, lambda kept: kept.listing.listing_id)
        currency = connection.pinned_currency or connection.currency_code
        return pb.ListUnownedListingsResponse(
            listings=[
                unowned_told(kept, self._item(kept.listing, origins), self._facts, self._lot_fields_of, currency)
                for kept in shown
            ],
            next_page_token=token,
            currency_code=currency,
        )

    def _item(self, listing: Listing, origins: Mapping[ListingId, CatalogEntry]) -> lot_pb2.Item | None:
        """Say what a listing is of in inventory's terms; None if that is not known."""
        if self._item_here is None:
            return item_told(listing.item)
        origin = origins.get(listing.listing_id)
        return None if origin is None else self._item_here(listing.item, origin)

    async def ListUnassignedLines(  # noqa: N802
        self, request: pb.ListUnassignedLinesRequest, context: Context
    ) -> pb.ListUnassignedLinesResponse:
        """Lists the lines that hold back their item (rule C4)."""
        seller_id, size = reader(), page_size(request.page_size)
        after = after_of(request.page_token)
        async with self._store.transaction() as tx:
            connection = known(await tx.find_connection(seller_id))
            holding = holding_lines(await tx.ownerless_lines(seller_id), connection)
        left = sorted((line for line in holding if _name(line) > after), key=_name)
        shown, token = cut(left[: size + 1], size, _name)
        return pb.ListUnassignedLinesResponse(lines=[line_told(line) for line in shown], next_page_token=token)

    async def AssignLines(  # noqa: N802
        self, request: pb.AssignLinesRequest, context: Context
    ) -> pb.AssignLinesResponse:
        """Takes the lines of a listing as a lot's, or as nobody's (rules S1, C4)."""
        if not request.listing_id:
            raise InvalidField("listing_id", "must be given")
        return await self._once(request, EDITORS, pb.AssignLinesResponse, partial(self._assign, request))

    async def _assign(
        self, request: pb.AssignLinesRequest, tx: Transaction, connection: ConnectionRow
    ) -> pb.AssignLinesResponse:
        now, listing_id = self._clock.now(), ListingId(request.listing_id)
        if request.lot_id:
            try:
                lines = await lines_assigned(tx, connection, listing_id, LotId(request.lot_id), self._facts, now)
            except WrongLotError as wrong:
                raise InvalidField("lot_id", str(wrong)) from None
        else:
            lines = await lines_set_aside(tx, connection, listing_id, self._facts, now)
        await wake(tx, connection.seller_id, now)
        message = words.LINES_ASSIGNED if request.lot_id else words.LINES_SET_ASIDE
        return pb.AssignLinesResponse(lines=lines, message=message)


def _name(line: LineRow) -> str:
    return f"{line.order_id}{_BETWEEN}{line.listing_id}"
