"""Items that the marketplace's own catalogue does not know, and what a person says they are there."""

from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp

from brickops.inventory.v1 import lot_pb2
from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.grpc_errors import InvalidField
from syncengine.catalog import keep
from syncengine.listing import CatalogEntry
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.shop import Counterpart
from syncengine.service import words
from syncengine.service.asking import EDITORS, Context, Desk, after_of, cut, known, page_size, reader, wake
from syncengine.store.protocol import Transaction, Unmapped

_PREFIX = "ITEM_TYPE_"


class CatalogCalls(Desk):
    """Calls about what items are in the marketplace's catalogue."""

    async def ListUnmappedItems(  # noqa: N802 - gRPC's names, here and below
        self, request: pb.ListUnmappedItemsRequest, context: Context
    ) -> pb.ListUnmappedItemsResponse:
        """Lists items that it does not know, each with how many lots wait for it."""
        seller_id, size = reader(), page_size(request.page_size)
        after = after_of(request.page_token)
        async with self._store.transaction() as tx:
            known(await tx.find_connection(seller_id))
            found = await tx.unmapped(seller_id, after=after, limit=size + 1)
        shown, token = cut(found, size, lambda each: each.entry.name)
        return pb.ListUnmappedItemsResponse(items=[self._unmapped(each) for each in shown], next_page_token=token)

    def _unmapped(self, unmapped: Unmapped) -> pb.UnmappedItem:
        since = Timestamp()
        since.FromDatetime(unmapped.since)
        return pb.UnmappedItem(
            type=lot_pb2.ItemType.Value(f"{_PREFIX}{unmapped.entry.item_type}"),
            number=unmapped.entry.number,
            color_id=unmapped.entry.color_id,
            lots=unmapped.lots,
            since=since,
            candidates=[self._entry_text(entry) for entry in unmapped.candidates],
        )

    async def MapItem(self, request: pb.MapItemRequest, context: Context) -> pb.MapItemResponse:  # noqa: N802
        """Takes a person's word for what an item is there."""
        if request.type == lot_pb2.ITEM_TYPE_UNSPECIFIED or request.type not in lot_pb2.ItemType.values():
            raise InvalidField("type", "must be given, and known")
        if not request.number:
            raise InvalidField("number", "must be given")
        there = self._entry_named(request.number_there)
        if there is None:
            raise InvalidField("number_there", "is no number of this marketplace's catalogue")
        if request.HasField("color_id") and there.color_id is None:
            raise InvalidField("number_there", "must name the colour too, as 771344-38 does")
        return await self._once(request, EDITORS, pb.MapItemResponse, partial(self._map, request, there))

    async def _map(
        self, request: pb.MapItemRequest, there: CatalogEntry, tx: Transaction, connection: ConnectionRow
    ) -> pb.MapItemResponse:
        now, seller_id = self._clock.now(), connection.seller_id
        entry = CatalogEntry(
            item_type=lot_pb2.ItemType.Name(request.type).removeprefix(_PREFIX),
            number=request.number,
            color_id=request.color_id if request.HasField("color_id") else None,
        )
        before = (await tx.find_counterparts(seller_id, [entry])).get(entry)
        since = before.since if before is not None else now
        said = Counterpart(seller_id=seller_id, entry=entry, found=there, since=since)
        lots = await keep(tx, seller_id, [said], self._facts, now)
        await wake(tx, seller_id, now)
        return pb.MapItemResponse(lots=lots, message=words.ITEM_MAPPED)
