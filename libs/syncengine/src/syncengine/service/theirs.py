"""What a shop shows in terms of inventory's lot: for a person who takes theirs (rule S6), or looks at a listing."""

from collections.abc import Callable, Sequence
from typing import Protocol

from brickops.inventory.v1 import lot_pb2
from syncengine.drift import shown_values
from syncengine.listing import CatalogEntry, Item, Listing, Value, Values
from syncengine.marketplace import Facts
from syncengine.rows.listing import FOR_SALE, ITEM, RETAIN, ListingRow
from syncengine.service.lots import money_of

LotFields = tuple[lot_pb2.Lot, Sequence[str]]
"""Fields of a lot, and which of them are meant, as an update mask names them."""


class LotFieldsOf(Protocol):
    """A marketplace's own mapping of its fields to those of a lot."""

    def __call__(self, name: str, shown: Values, *, currency_code: str) -> LotFields | None:
        """Map one field of those that a listing shows; None if no lot can hold what it shows."""
        ...


ItemHere = Callable[[Item, CatalogEntry], lot_pb2.Item | None]
"""An item of a marketplace's own catalogue, and the entry of inventory's that it is of, as inventory has it; None if no
lot can be of it."""


def as_lot_field(lot_field: str | None, value: Value, currency_code: str) -> LotFields | None:
    """Put what a shop shows, in its normal form, into the field of a lot that it is; None if only its adapter can.

    Tiers are pairs as "50:0.700", with commas or spaces between them; one of no pieces is none.
    """
    match lot_field:
        case "unit_price":
            lot = lot_pb2.Lot(unit_price=money_of(str(value), currency_code))
        case "cost":
            lot = lot_pb2.Lot(cost=None if value is None else money_of(str(value), currency_code))
        case "tiers":
            lot = lot_pb2.Lot(tiers=_tiers_of(str(value or ""), currency_code))
        case "sale_percent":
            lot = lot_pb2.Lot(sale_percent=int(value or 0))
        case "bulk":
            lot = lot_pb2.Lot(bulk=int(value or 1))
        case "description":
            lot = lot_pb2.Lot(description=str(value or ""))
        case "remarks":
            lot = lot_pb2.Lot(remarks=str(value or ""))
        case "weight_grams":
            lot = lot_pb2.Lot(weight_grams=None if value is None else str(value))
        case _:
            return None
    return lot, [lot_field]


def _tiers_of(value: str, currency_code: str) -> list[lot_pb2.Tier]:
    pairs = [tier.split(":") for tier in value.replace(",", " ").split()]
    return [
        lot_pb2.Tier(quantity=int(quantity), unit_price=money_of(price, currency_code))
        for quantity, price in pairs
        if int(quantity)
    ]


def theirs_of(row: ListingRow, name: str, lot_fields_of: LotFieldsOf) -> LotFields | None:
    """Say which fields of the lot would make it what the shop shows in this field; None if none can."""
    theirs = row.conflicts[name].theirs
    if name == RETAIN:
        return lot_pb2.Lot(retain=theirs is True), ["retain"]
    if name == ITEM:
        item = None if row.listed_item is None else item_told(row.listed_item)
        if item is None or not is_whole(item):
            return None
        return lot_pb2.Lot(item=item), [f"item.{part}" for part in lot_pb2.Item.DESCRIPTOR.fields_by_name]
    return lot_fields_of(name, {**row.shown, name: theirs}, currency_code=row.desired.currency_code)


def lot_shown(
    listing: Listing, item: lot_pb2.Item | None, lot_fields_of: LotFieldsOf, *, currency_code: str
) -> tuple[lot_pb2.Lot, str]:
    """Make the lot that a listing would be (rule S7), and name a field of which no lot can hold what is shown.

    `item`: what it is of in inventory's terms; None if that is not known.
    """
    if item is None:
        return lot_pb2.Lot(), ITEM
    lot, shown = lot_pb2.Lot(item=item, retain=listing.retain), shown_values(listing)
    name = "quantity"
    try:
        lot.quantity = listing.quantity
        for name in (*listing.fields, *(() if listing.for_sale else (FOR_SALE,))):
            if (fields := lot_fields_of(name, shown, currency_code=currency_code)) is None:
                return lot, name
            lot.MergeFrom(fields[0])
    except ValueError:  # larger than the wire carries
        return lot, name
    return lot, ""


def fields_shown(listing: Listing, lot_fields_of: LotFieldsOf, facts: Facts) -> Sequence[str]:
    """Name the fields of a lot, besides item and quantity, that a listing tells: no other can differ from a lot's.

    Whether it stays at zero is told only where that is the shop's to know. Whether it is hidden always is.
    """
    shown, paths = shown_values(listing), set() if facts.keeps_sold_out else {RETAIN}
    for name in listing.fields:
        if (fields := lot_fields_of(name, shown, currency_code="")) is not None:
            paths.update(fields[1])
    return sorted(paths)


def item_told(item: Item) -> lot_pb2.Item:
    """An item for the wire; a word of the shop's that no lot has is left out."""
    told = lot_pb2.Item(number=item.number, color_id=item.color_id)
    if (name := f"ITEM_TYPE_{item.item_type}") in lot_pb2.ItemType.DESCRIPTOR.values_by_name:
        told.type = lot_pb2.ItemType.Value(name)
    if (name := f"CONDITION_{item.condition}") in lot_pb2.Condition.DESCRIPTOR.values_by_name:
        told.condition = lot_pb2.Condition.Value(name)
    if (name := f"COMPLETENESS_{item.completeness}") in lot_pb2.Completeness.DESCRIPTOR.values_by_name:
        told.completeness = lot_pb2.Completeness.Value(name)
    return told


def is_whole(item: lot_pb2.Item) -> bool:
    """Tell whether a lot may be of it."""
    return bool(item.type and item.condition and item.number)
