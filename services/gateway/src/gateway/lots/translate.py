"""Lots between JSON and protobuf, both ways."""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from brickops.inventory.v1 import inventory_service_pb2, lot_pb2, lot_sync_pb2, money_pb2
from gateway.lots.models import (
    Availability,
    ChangedLot,
    Completeness,
    Condition,
    CreatedLot,
    FieldGroup,
    GroupSync,
    ItemType,
    Lot,
    LotPatch,
    LotSync,
    LotWithSync,
    NewLot,
    Stockroom,
    Sync,
    SyncState,
    Tier,
    UpdatedLot,
    UsedGrade,
)
from gateway.money import Money, money_of, money_to_proto
from gateway.times import time_in, time_of
from gateway.words import value_of, word_of


def lot_to_proto(lot: NewLot) -> lot_pb2.Lot:
    """The lot to be made."""
    return lot_pb2.Lot(
        item=lot_pb2.Item(
            type=value_of(lot_pb2.ItemType, lot.item_type),
            number=lot.item_no,
            color_id=lot.color_id,
            condition=value_of(lot_pb2.Condition, lot.condition),
            completeness=value_of(lot_pb2.Completeness, lot.completeness),
        ),
        used_grade=value_of(lot_pb2.UsedGrade, lot.used_grade),
        quantity=lot.quantity,
        reserved=lot.reserved,
        unit_price=money_to_proto(lot.unit_price),
        sale_percent=lot.sale_percent,
        tiers=_tiers_to_proto(lot.tiers),
        bulk=lot.bulk,
        cost=_cost_to_proto(lot.cost),
        description=lot.description,
        remarks=lot.remarks,
        stockroom=value_of(lot_pb2.Stockroom, lot.stockroom),
        retain=lot.retain,
        weight_grams=lot.weight_grams,
        location=lot.location,
        tags=lot.tags,
    )


_ITEM_PATHS: Final = {
    "item_type": "item.type",
    "item_no": "item.number",
    "color_id": "item.color_id",
    "condition": "item.condition",
    "completeness": "item.completeness",
}
"""What is one object over gRPC."""


def patch_to_proto(lot_id: str, patch: LotPatch) -> tuple[lot_pb2.Lot, FieldMask]:
    """The new values, and which of them are meant; a field given as null gets the value it has when not given."""
    names = patch.model_fields_set - {"reason"}
    paths = sorted(_ITEM_PATHS.get(name, name) for name in names)
    lot = lot_pb2.Lot(
        lot_id=lot_id,
        item=lot_pb2.Item(
            type=value_of(lot_pb2.ItemType, patch.item_type),
            number=patch.item_no,
            color_id=patch.color_id or 0,
            condition=value_of(lot_pb2.Condition, patch.condition),
            completeness=value_of(lot_pb2.Completeness, patch.completeness),
        ),
        used_grade=value_of(lot_pb2.UsedGrade, patch.used_grade),
        quantity=patch.quantity,
        reserved=patch.reserved or 0,
        unit_price=money_to_proto(patch.unit_price) if "unit_price" in names else None,
        sale_percent=patch.sale_percent or 0,
        tiers=_tiers_to_proto(patch.tiers or ()),
        bulk=1 if patch.bulk is None else patch.bulk,
        cost=_cost_to_proto(patch.cost),
        description=patch.description or "",
        remarks=patch.remarks or "",
        stockroom=value_of(lot_pb2.Stockroom, patch.stockroom),
        retain=patch.retain or False,
        weight_grams=patch.weight_grams,
        location=patch.location or "",
        tags=patch.tags or (),
    )
    return lot, FieldMask(paths=paths)


def _tiers_to_proto(tiers: Iterable[Tier]) -> list[lot_pb2.Tier]:
    return [lot_pb2.Tier(quantity=tier.quantity, unit_price=money_to_proto(tier.unit_price)) for tier in tiers]


def _cost_to_proto(cost: Money | None) -> money_pb2.Money | None:
    return None if cost is None else money_to_proto(cost)


def lot_of(lot: lot_pb2.Lot) -> Lot:
    """A lot by itself."""
    return Lot(**_facts_of(lot))


def lot_with_sync(answer: inventory_service_pb2.GetLotResponse) -> LotWithSync:
    """A lot as it was read."""
    return LotWithSync(**_facts_of(answer.lot), sync=sync_of(answer.sync))


def changed_lot(lot: lot_pb2.Lot, change_id: str) -> ChangedLot:
    """A lot as a command left it."""
    return ChangedLot(**_facts_of(lot), change_id=change_id or None)


def updated_lot(answer: inventory_service_pb2.UpdateLotResponse) -> UpdatedLot:
    """A lot as an update left it."""
    facts = _facts_of(answer.lot)
    return UpdatedLot(**facts, change_id=answer.change_id or None, equal_lot_ids=list(answer.equal_lot_ids))


def created_lot(answer: inventory_service_pb2.CreateLotResponse) -> CreatedLot:
    """A lot as it was made."""
    facts = _facts_of(answer.lot)
    return CreatedLot(**facts, change_id=answer.change_id, equal_lot_ids=list(answer.equal_lot_ids))


def _facts_of(lot: lot_pb2.Lot) -> dict[str, Any]:
    """The fields of models.Lot, which checks their types."""
    return {
        "lot_id": lot.lot_id,
        "revision": lot.revision,
        "item_type": word_of(ItemType, lot_pb2.ItemType, lot.item.type),
        "item_no": lot.item.number,
        "color_id": lot.item.color_id,
        "condition": word_of(Condition, lot_pb2.Condition, lot.item.condition),
        "completeness": word_of(Completeness, lot_pb2.Completeness, lot.item.completeness),
        "used_grade": word_of(UsedGrade, lot_pb2.UsedGrade, lot.used_grade),
        "quantity": lot.quantity,
        "reserved": lot.reserved,
        "sold": lot.sold,
        "unit_price": money_of(lot.unit_price),
        "sale_percent": lot.sale_percent,
        "tiers": [Tier(quantity=tier.quantity, unit_price=money_of(tier.unit_price)) for tier in lot.tiers],
        "bulk": lot.bulk,
        "cost": money_of(lot.cost) if lot.HasField("cost") else None,
        "description": lot.description,
        "remarks": lot.remarks,
        "stockroom": word_of(Stockroom, lot_pb2.Stockroom, lot.stockroom),
        "retain": lot.retain,
        "weight_grams": lot.weight_grams if lot.HasField("weight_grams") else None,
        "location": lot.location,
        "tags": list(lot.tags),
        "archived": lot.archived,
        "status": word_of(Availability, lot_pb2.Availability, lot.availability),
        "created_at": time_of(lot.created_at),
        "updated_at": time_of(lot.updated_at),
    }


def sync_of(shops: Iterable[lot_sync_pb2.LotSync]) -> Sync:
    """How far a lot has come, by marketplace."""
    return {shop.marketplace: _lot_sync(shop) for shop in shops}


def _lot_sync(shop: lot_sync_pb2.LotSync) -> LotSync:
    return LotSync(
        state=_state(shop.state),
        listing_id=shop.listing_id or None,
        groups={
            word: GroupSync(
                state=_state(group.state), settled_revision=group.settled_revision, reason=group.reason or None
            )
            for group in shop.groups
            if (word := word_of(FieldGroup, lot_sync_pb2.FieldGroup, group.group))
        },
        updated_at=time_in(shop, "updated_at"),
    )


def _state(state: lot_sync_pb2.SyncState.ValueType) -> SyncState:
    # A shop that said nothing yet has something coming.
    return word_of(SyncState, lot_sync_pb2.SyncState, state) or SyncState.PENDING
