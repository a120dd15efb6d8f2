"""What waits for a person, between protobuf and JSON."""

from brickops.inventory.v1 import lot_pb2, lot_sync_pb2
from brickops.sync.v1 import sync_service_pb2, waiting_pb2
from gateway.lots.models import Completeness, Condition, FieldGroup, ItemType
from gateway.times import time_of
from gateway.waiting.models import (
    Conflict,
    Item,
    ItemMapped,
    ParkedGroup,
    Trouble,
    TroubleAnswer,
    UnassignedLine,
    UnmappedItem,
    UnownedListing,
    WaitingLot,
)
from gateway.words import value_of, word_of
from servicekit.wire_values import value_of_proto


def waiting_of(told: waiting_pb2.WaitingLot) -> WaitingLot:
    """A lot that waits for a person."""
    return WaitingLot(
        lot_id=told.lot_id,
        listing_id=told.listing_id or None,
        revision=told.revision,
        parked=[
            ParkedGroup(group=_group(one.group), reason=one.reason, message=one.message, revision=one.revision)
            for one in told.parked
        ],
        conflicts=[_conflict_of(one) for one in told.conflicts],
        trouble=_trouble_of(told.trouble) if told.HasField("trouble") else None,
    )


def _conflict_of(told: waiting_pb2.FieldConflict) -> Conflict:
    return Conflict(
        field=told.field,
        group=_group(told.group),
        sent=value_of_proto(told.sent),
        ours=value_of_proto(told.ours),
        theirs=value_of_proto(told.theirs),
        can_take_theirs=bool(told.mask.paths),
    )


def _trouble_of(told: waiting_pb2.TroubleTold) -> Trouble:
    answers = [word_of(TroubleAnswer, waiting_pb2.TroubleAnswer, one) for one in told.answers]
    return Trouble(
        trouble=told.trouble,
        message=told.message,
        ours=told.ours if told.HasField("ours") else None,
        theirs=told.theirs if told.HasField("theirs") else None,
        difference=told.difference,
        look_alikes=[unowned_of(one) for one in told.look_alikes],
        lines=[line_of(one) for one in told.lines],
        answers=[answer for answer in answers if answer is not None],
    )


def unowned_of(told: waiting_pb2.UnownedListing) -> UnownedListing:
    """A listing that no lot owns."""
    return UnownedListing(
        listing_id=told.listing_id,
        item=item_of(told.item),
        quantity=told.quantity,
        for_sale=told.for_sale,
        retain=told.retain,
        fields={name: value_of_proto(value) for name, value in sorted(told.fields.fields.items())},
        seen_at=time_of(told.seen_at),
    )


def line_of(told: waiting_pb2.UnassignedLine) -> UnassignedLine:
    """An order line that nobody knows the lot of."""
    return UnassignedLine(
        order_id=told.order_id,
        listing_id=told.listing_id,
        item=item_of(told.item),
        pieces=told.pieces,
        ordered_at=time_of(told.ordered_at),
    )


def unmapped_of(told: sync_service_pb2.UnmappedItem) -> UnmappedItem:
    """An item that the marketplace does not know."""
    return UnmappedItem(
        item_type=word_of(ItemType, lot_pb2.ItemType, told.type),
        item_no=told.number,
        color_id=told.color_id if told.HasField("color_id") else None,
        lots=told.lots,
        since=time_of(told.since),
        candidates=list(told.candidates),
    )


def mapping_of(mapped: ItemMapped, request_id: str) -> sync_service_pb2.MapItemRequest:
    """What a person says that an item is there."""
    return sync_service_pb2.MapItemRequest(
        request_id=request_id,
        type=value_of(lot_pb2.ItemType, mapped.item_type),
        number=mapped.item_no,
        color_id=mapped.color_id,
        number_there=mapped.number_there,
    )


def item_of(told: lot_pb2.Item) -> Item:
    """What a listing is of."""
    return Item(
        item_type=word_of(ItemType, lot_pb2.ItemType, told.type),
        item_no=told.number,
        color_id=told.color_id,
        condition=word_of(Condition, lot_pb2.Condition, told.condition),
        completeness=word_of(Completeness, lot_pb2.Completeness, told.completeness),
    )


def _group(told: lot_sync_pb2.FieldGroup.ValueType) -> FieldGroup | None:
    return word_of(FieldGroup, lot_sync_pb2.FieldGroup, told)
