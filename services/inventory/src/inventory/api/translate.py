"""Between protobuf messages and the domain's values; nothing is decided here."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from brickops.inventory.v1 import (
    change_pb2,
    lot_pb2,
    lot_sync_pb2,
    money_pb2,
    oversell_pb2,
    return_pb2,
    undo_pb2,
)
from inventory.domain.changes import Change, OrderReference
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.lot import Completeness, Condition, Item, ItemType, Lot, Stockroom, UsedGrade
from inventory.domain.money import Money, amount_of, plain_number, read_decimal, units_and_nanos
from inventory.domain.rules import Proposal, ProposedItem, ProposedTier
from inventory.domain.sync_status import ShopStatus
from inventory.storage.sales import Incident, Return
from inventory.storage.undos import OperationUndo, Refusal

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

W = TypeVar("W", bound=StrEnum)
V = TypeVar("V", bound=int)


def item_to_proto(item: Item) -> lot_pb2.Item:
    """A catalogue entry for the wire."""
    return lot_pb2.Item(
        type=value_of(lot_pb2.ItemType, item.type),
        number=item.number,
        color_id=item.color_id,
        condition=value_of(lot_pb2.Condition, item.condition),
        completeness=value_of(lot_pb2.Completeness, item.completeness),
    )


def lot_to_proto(lot: Lot) -> lot_pb2.Lot:
    """A lot for the wire."""
    return lot_pb2.Lot(
        lot_id=lot.lot_id,
        seller_id=lot.seller_id,
        revision=lot.revision,
        item=item_to_proto(lot.item),
        used_grade=value_of(lot_pb2.UsedGrade, lot.used_grade),
        quantity=lot.quantity,
        reserved=lot.reserved,
        sold=lot.sold,
        unit_price=_money(lot.unit_price, lot.currency),
        sale_percent=lot.sale_percent,
        tiers=[
            lot_pb2.Tier(quantity=tier.quantity, unit_price=_money(tier.unit_price, lot.currency)) for tier in lot.tiers
        ],
        bulk=lot.bulk,
        cost=None if lot.cost is None else _money(lot.cost, lot.currency),
        description=lot.description,
        remarks=lot.remarks,
        stockroom=value_of(lot_pb2.Stockroom, lot.stockroom),
        retain=lot.retain,
        weight_grams=None if lot.weight_grams is None else plain_number(lot.weight_grams),
        location=lot.location,
        tags=lot.tags,
        archived=lot.archived,
        availability=value_of(lot_pb2.Availability, lot.availability),
        created_at=timestamp_of(lot.created_at),
        updated_at=timestamp_of(lot.updated_at),
    )


def proposal_from_proto(lot: lot_pb2.Lot, *, is_new: bool) -> Proposal:
    """What a caller says of a lot. On a new lot a bulk of 0, which is what silence looks like, means 1."""
    reader = Reader()
    return Proposal(
        item=ProposedItem(
            type=reader.word("item.type", ItemType, lot_pb2.ItemType, lot.item.type),
            number=lot.item.number,
            color_id=lot.item.color_id,
            condition=reader.word("item.condition", Condition, lot_pb2.Condition, lot.item.condition),
            completeness=reader.word("item.completeness", Completeness, lot_pb2.Completeness, lot.item.completeness),
        ),
        used_grade=reader.word("used_grade", UsedGrade, lot_pb2.UsedGrade, lot.used_grade),
        quantity=lot.quantity,
        reserved=lot.reserved,
        unit_price=reader.money("unit_price", lot.unit_price) if lot.HasField("unit_price") else None,
        sale_percent=lot.sale_percent,
        tiers=tuple(
            ProposedTier(
                tier.quantity,
                reader.money(f"tiers[{number}].unit_price", tier.unit_price) if tier.HasField("unit_price") else None,
            )
            for number, tier in enumerate(lot.tiers)
        ),
        bulk=1 if is_new and lot.bulk == 0 else lot.bulk,
        cost=reader.money("cost", lot.cost) if lot.HasField("cost") else None,
        description=lot.description,
        remarks=lot.remarks,
        stockroom=reader.word("stockroom", Stockroom, lot_pb2.Stockroom, lot.stockroom),
        retain=lot.retain,
        weight_grams=reader.decimal("weight_grams", lot.weight_grams) if lot.HasField("weight_grams") else None,
        location=lot.location,
        tags=tuple(lot.tags),
        unreadable=tuple(reader.unreadable),
    )


class Reader:
    """Reads values of a message and collects those that cannot be read."""

    def __init__(self) -> None:
        self.unreadable: list[Violation] = []

    def expect_readable(self) -> None:
        """Raises InvalidFields if something could not be read."""
        if self.unreadable:
            raise InvalidFields(self.unreadable)

    def required(self, field: str, words: type[W], proto: "_EnumTypeWrapper[V]", value: V) -> W | None:
        """A word that must be said; None if it is not, or not known."""
        word = self.word(field, words, proto, value)
        if not value:
            self.unreadable.append(Violation(field, "is required"))
        return word

    def word(self, field: str, words: type[W], proto: "_EnumTypeWrapper[V]", value: V) -> W | None:
        """Our word for an enum's value; None for `..._UNSPECIFIED`, and for what is not known."""
        if value not in proto.values():  # an enum of a newer caller
            self.unreadable.append(Violation(field, "is not known"))
            return None
        return word_of(words, proto, value)

    def money(self, field: str, money: money_pb2.Money) -> Money | None:
        """An amount; None for what makes none."""
        try:
            return Money(amount_of(money.units, money.nanos), money.currency_code)
        except ValueError as error:
            self.unreadable.append(Violation(field, str(error)))
            return None

    def decimal(self, field: str, text: str) -> Decimal | None:
        """A decimal number; None for text that spells none."""
        try:
            return read_decimal(text)
        except ValueError as error:
            self.unreadable.append(Violation(field, str(error)))
            return None


def change_to_proto(change: Change) -> change_pb2.Change:
    """A change for the wire."""
    cause = change.cause
    proto = change_pb2.Change(
        change_id=change.change_id,
        lot_id=change.lot_id,
        revision=change.revision,
        type=value_of(change_pb2.ChangeType, change.type),
        source=value_of(change_pb2.ChangeSource, cause.source),
        actor=cause.actor,
        reason=cause.reason,
        recorded_at=timestamp_of(cause.at),
        quantity_delta=change.quantity_delta,
        reserved_delta=change.reserved_delta,
        correlation_id=cause.correlation_id,
        import_id=cause.import_id or "",
        bulk_edit_id=cause.bulk_edit_id or "",
        undone_by=change.undone_by or "",
        undoes=change.undoes or "",
    )
    proto.before.update(change.before)
    proto.after.update(change.after)
    if cause.order is not None:
        proto.order.CopyFrom(_order_to_proto(cause.order))
    return proto


def import_undo_to_proto(operation: OperationUndo, refusals: Sequence[Refusal]) -> undo_pb2.ImportUndo:
    """The undo of an import for the wire."""
    is_done = operation.finished_at is not None
    return undo_pb2.ImportUndo(
        import_id=operation.operation_id,
        state=undo_pb2.IMPORT_UNDO_STATE_DONE if is_done else undo_pb2.IMPORT_UNDO_STATE_RUNNING,
        total_changes=operation.total_changes,
        undone_changes=operation.undone_changes,
        refused_changes=operation.refused_changes,
        refusals=[undo_pb2.UndoRefusal(**one._asdict()) for one in refusals],
        redo=operation.is_redo,
        created_at=timestamp_of(operation.created_at),
        finished_at=None if operation.finished_at is None else timestamp_of(operation.finished_at),
    )


def return_to_proto(one: Return) -> return_pb2.Return:
    """A return for the wire."""
    return return_pb2.Return(
        return_id=one.return_id,
        lot_id=one.lot_id,
        order=_order_to_proto(one.order),
        pieces=one.pieces,
        opened_at=timestamp_of(one.opened_at),
        closed_at=None if one.closed_at is None else timestamp_of(one.closed_at),
        answer=value_of(return_pb2.ReturnAnswer, one.answer),
    )


def oversell_to_proto(incident: Incident) -> oversell_pb2.Oversell:
    """An oversell for the wire."""
    return oversell_pb2.Oversell(
        change_id=incident.oversell.change_id,
        lot_id=incident.oversell.lot_id,
        missing=incident.oversell.missing,
        orders=[
            oversell_pb2.OversoldOrder(
                marketplace=one.order.marketplace,
                order_id=one.order.order_id,
                listing_id=one.order.listing_id,
                total=one.total,
                ordered_at=timestamp_of(one.ordered_at),
            )
            for one in incident.orders
        ],
        recorded_at=timestamp_of(incident.recorded_at),
    )


def status_to_proto(status: ShopStatus) -> lot_sync_pb2.LotSync:
    """How far a lot has come in one shop, for the wire."""
    return lot_sync_pb2.LotSync(
        marketplace=status.marketplace,
        state=value_of(lot_sync_pb2.SyncState, status.state),
        listing_id=status.listing_id,
        groups=[
            lot_sync_pb2.GroupSync(
                group=value_of(lot_sync_pb2.FieldGroup, group.group),
                state=value_of(lot_sync_pb2.SyncState, group.state),
                settled_revision=group.settled_revision,
                reason=group.reason,
            )
            for group in status.groups
        ],
        updated_at=None if status.updated_at is None else timestamp_of(status.updated_at),
    )


def word_of(words: type[W], proto: "_EnumTypeWrapper[V]", value: V) -> W | None:
    """Our word for an enum's value; None for its `..._UNSPECIFIED`."""
    return words[proto.Name(value).removeprefix(_prefix(proto))] if value else None


def value_of(proto: "_EnumTypeWrapper[V]", word: StrEnum | None) -> V:
    """The enum's value for a word of ours; `..._UNSPECIFIED` for None."""
    return proto.Value(_prefix(proto) + (_UNSPECIFIED if word is None else word.name))


def timestamp_of(moment: datetime) -> Timestamp:
    """A moment for the wire."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _order_to_proto(order: OrderReference) -> change_pb2.OrderReference:
    return change_pb2.OrderReference(
        marketplace=order.marketplace, order_id=order.order_id, listing_id=order.listing_id
    )


def _money(amount: Decimal, currency: str) -> money_pb2.Money:
    units, nanos = units_and_nanos(amount)
    return money_pb2.Money(currency_code=currency, units=units, nanos=nanos)


def _prefix(proto: "_EnumTypeWrapper[V]") -> str:
    return proto.DESCRIPTOR.values[0].name.removesuffix(_UNSPECIFIED)


_UNSPECIFIED: Final = "UNSPECIFIED"
