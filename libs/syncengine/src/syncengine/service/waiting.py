"""A lot that waits for a person, as it is told, with what may be answered."""

from collections.abc import Mapping, Sequence
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.protobuf.struct_pb2 import Value as ValueProto

from brickops.inventory.v1 import lot_pb2, lot_sync_pb2
from brickops.sync.v1 import waiting_pb2 as pb
from servicekit.wire_values import value_to_proto
from syncengine.alike import lines_alike
from syncengine.answers import MAY_BE_LINKED
from syncengine.drift import group_of
from syncengine.listing import Group, Value
from syncengine.marketplace import Facts
from syncengine.report import WORDS, refusal_words
from syncengine.rows.listing import ITEM, ListingRow, Trouble
from syncengine.rows.order import LineRow
from syncengine.rows.shop import ShopListing
from syncengine.service.theirs import LotFieldsOf, fields_shown, item_told, lot_shown, theirs_of
from syncengine.store.protocol import Transaction

_LOOK_ALIKES_SHOWN: Final = 100

_NUMBER: Final = (pb.TROUBLE_ANSWER_SHOP_IS_RIGHT, pb.TROUBLE_ANSWER_OURS_IS_RIGHT)
_AGAIN: Final = (pb.TROUBLE_ANSWER_LIST_ANEW, pb.TROUBLE_ANSWER_LEAVE_OUT)
_ANSWERS: Final[Mapping[Trouble, Sequence[pb.TroubleAnswer.ValueType]]] = {
    Trouble.NUMBER_UNEXPLAINED: _NUMBER,
    Trouble.GONE_UNEXPLAINED: _AGAIN,
    Trouble.LOOK_ALIKE: (pb.TROUBLE_ANSWER_THIS_LISTING, *_AGAIN),
    Trouble.CREATE_UNEXPLAINED: (pb.TROUBLE_ANSWER_THIS_LISTING, *_AGAIN),
    Trouble.LEFT_OUT: (pb.TROUBLE_ANSWER_LIST_ANEW,),
    Trouble.ORDER_UNASSIGNED: (),  # it is the order's lines that are answered
}


async def waiting_told(tx: Transaction, row: ListingRow, facts: Facts, lot_fields_of: LotFieldsOf) -> pb.WaitingLot:
    """Tell why a lot waits, and what may be answered."""
    told = pb.WaitingLot(lot_id=row.lot_id, listing_id=row.listing_id or "", revision=row.revision)
    for group, parked in sorted(row.parked.items()):
        told.parked.add(
            group=_group(group), reason=parked.reason, message=refusal_words(parked.reason), revision=parked.revision
        )
    told.conflicts.extend(_conflict(row, name, facts, lot_fields_of) for name in sorted(row.conflicts))
    if row.trouble is not None:
        told.trouble.CopyFrom(await _trouble(tx, row, row.trouble))
    return told


async def _trouble(tx: Transaction, row: ListingRow, trouble: Trouble) -> pb.TroubleTold:
    told = pb.TroubleTold(trouble=trouble, message=WORDS[trouble], answers=_ANSWERS[trouble])
    if trouble is Trouble.NUMBER_UNEXPLAINED and row.ledger is not None:
        told.ours, told.theirs, told.difference = row.ledger, row.ledger + row.unexplained, row.unexplained
    if trouble in MAY_BE_LINKED:
        alike = await tx.unowned(row.seller_id, row.desired.item)
        told.look_alikes.extend(listing_told(kept) for kept in alike[:_LOOK_ALIKES_SHOWN])
        told.lines.extend(line_told(line) for line in (await lines_alike(tx, row))[:_LOOK_ALIKES_SHOWN])
    return told


def _conflict(row: ListingRow, name: str, facts: Facts, lot_fields_of: LotFieldsOf) -> pb.FieldConflict:
    conflict = row.conflicts[name]
    told = pb.FieldConflict(
        field=name,
        group=lot_sync_pb2.FIELD_GROUP_UNSPECIFIED if name == ITEM else _group(group_of(name, facts)),
        sent=value_to_proto(conflict.sent),
        ours=value_to_proto(conflict.ours),
        theirs=value_to_proto(conflict.theirs),
    )
    if (fields := theirs_of(row, name, lot_fields_of)) is not None:
        lot, paths = fields
        told.lot.CopyFrom(lot)
        told.mask.CopyFrom(FieldMask(paths=paths))
    return told


def listing_told(kept: ShopListing) -> pb.UnownedListing:
    """Tell a listing as the last census saw it."""
    listing, fields = kept.listing, Struct()
    for name, value in listing.fields.items():
        fields.fields[name].CopyFrom(value_to_proto(value))
    told = pb.UnownedListing(
        listing_id=listing.listing_id,
        item=item_told(listing.item),
        quantity=listing.quantity,
        for_sale=listing.for_sale,
        retain=listing.retain,
        fields=fields,
    )
    told.seen_at.FromDatetime(kept.seen_at)
    return told


def unowned_told(
    kept: ShopListing, item: lot_pb2.Item | None, facts: Facts, lot_fields_of: LotFieldsOf, currency_code: str
) -> pb.UnownedListing:
    """Tell a listing with the lot that it would be (rule S7). `item`: as inventory has it, if that is known."""
    told = listing_told(kept)
    lot, told.unmapped_field = lot_shown(kept.listing, item, lot_fields_of, currency_code=currency_code)
    told.lot.CopyFrom(lot)
    if not told.unmapped_field:
        told.shown_fields.extend(fields_shown(kept.listing, lot_fields_of, facts))
    told.price_places, told.external_id = facts.price_places, kept.listing.external_id
    if kept.read_at is not None:
        told.read_at.FromDatetime(kept.read_at)
    return told


def line_told(line: LineRow) -> pb.UnassignedLine:
    """Tell an order line that nobody knows the lot of."""
    told = pb.UnassignedLine(
        order_id=line.order_id, listing_id=line.listing_id, item=item_told(line.item), pieces=line.total
    )
    told.ordered_at.FromDatetime(line.ordered_at)
    return told


def same_value(told: ValueProto, value: Value) -> bool:
    """Tell whether what came back over the wire is this value."""
    return told == value_to_proto(value)


def _group(group: Group) -> lot_sync_pb2.FieldGroup.ValueType:
    return lot_sync_pb2.FieldGroup.Value(f"FIELD_GROUP_{group.name}")
