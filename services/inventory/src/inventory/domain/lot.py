"""The lot: the one truth about a quantity of one item in one colour and condition at one price (LOT.md).

Values are frozen. What may be done to a lot returns the lot after it and the difference that it made, which becomes a
change (`changes.py`). The rules of each field are in `rules.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from inventory.domain.changes import ChangeType, Difference
from inventory.domain.errors import InvalidFields, NotEnoughPieces, StaleRevision

MOST_PIECES: Final = 9_999_999
"""The largest quantity that a person may set, as BrickStore caps it (`bricklink.md` section 3.7)."""


class ItemType(StrEnum):
    """What kind of catalogue entry a lot is made of, in BrickLink's words."""

    PART = "PART"
    SET = "SET"
    MINIFIG = "MINIFIG"
    BOOK = "BOOK"
    GEAR = "GEAR"
    CATALOG = "CATALOG"
    INSTRUCTION = "INSTRUCTION"
    ORIGINAL_BOX = "ORIGINAL_BOX"
    UNSORTED_LOT = "UNSORTED_LOT"


class Condition(StrEnum):
    """New or used."""

    NEW = "NEW"
    USED = "USED"


class Completeness(StrEnum):
    """How complete a set is."""

    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"
    SEALED = "SEALED"


class UsedGrade(StrEnum):
    """How well a used item is kept."""

    LIKE_NEW = "LIKE_NEW"
    GOOD = "GOOD"
    ACCEPTABLE = "ACCEPTABLE"


class Stockroom(StrEnum):
    """Where a lot rests while it is not for sale."""

    A = "A"
    B = "B"
    C = "C"


class Availability(StrEnum):
    """Whether pieces of a lot can be had."""

    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    SOLD = "SOLD"


class FieldGroup(StrEnum):
    """Fields that are sent, ranked and set aside together (design, section 5)."""

    QUANTITY = "QUANTITY"
    PRICE = "PRICE"
    TEXT = "TEXT"
    REST = "REST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A catalogue entry as a lot holds it. No shop can change it: there the lot is removed and made anew (rule N4)."""

    type: ItemType
    number: str
    color_id: int
    condition: Condition
    completeness: Completeness | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """A lower price for buyers who take more."""

    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFields:
    """What a seller says of a lot, by the rules. Prices are in `currency`, which is the seller's."""

    item: Item
    used_grade: UsedGrade | None = None
    quantity: int = 0
    reserved: int = 0
    currency: str
    unit_price: Decimal
    sale_percent: int = 0
    tiers: tuple[Tier, ...] = ()
    bulk: int = 1
    cost: Decimal | None = None
    description: str = ""
    remarks: str = ""
    stockroom: Stockroom | None = None
    retain: bool = False
    weight_grams: Decimal | None = None
    location: str = ""
    tags: tuple[str, ...] = ()


SETTABLE: Final = tuple(one.name for one in fields(LotFields) if one.name != "currency")
"""The fields that may be set in a lot's life."""

GROUP_OF: Final[Mapping[str, FieldGroup]] = {
    "quantity": FieldGroup.QUANTITY,
    "stockroom": FieldGroup.QUANTITY,
    "archived": FieldGroup.QUANTITY,
    "unit_price": FieldGroup.PRICE,
    "sale_percent": FieldGroup.PRICE,
    "tiers": FieldGroup.PRICE,
    "bulk": FieldGroup.PRICE,
    "description": FieldGroup.TEXT,
    "remarks": FieldGroup.TEXT,
    "used_grade": FieldGroup.REST,
    "cost": FieldGroup.REST,
    "retain": FieldGroup.REST,
    "weight_grams": FieldGroup.REST,
}
"""The group of each field that a shop takes; the others (reserved, sold, location, tags) are ours alone. With the item
every group changes: no listing shows anything of the new one yet."""


def groups_of(name: str) -> frozenset[FieldGroup]:
    """The groups that a change of this field touches."""
    if name == "item":
        return frozenset(FieldGroup)
    return frozenset({GROUP_OF[name]}) if name in GROUP_OF else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot(LotFields):
    """A lot as it is."""

    lot_id: str
    seller_id: str
    revision: int
    sold: int = 0
    archived: bool = False
    created_at: datetime
    updated_at: datetime
    counted_at: datetime
    """When its quantity was counted (rule C3)."""
    counted_ats: Mapping[str, datetime] = field(default_factory=dict)
    """By marketplace, where it is known better: when what its orders have taken until then was counted (ADR 23)."""
    group_revisions: Mapping[FieldGroup, int]
    """The revision at which each group of fields last changed; what a shop settled earlier is behind."""
    counted_seqs: Mapping[str, int] = field(default_factory=dict)
    """By marketplace: the newest sales message that is in the quantity (rule Q2)."""
    listing_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By marketplace: every listing that it ever had there (rule N5)."""
    created_listing_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Those of them that the marketplace's sync service made for this lot (rule C3)."""
    sold_last: bool = False
    """Whether of sales and of what people do it was a sale that changed its quantity last."""
    sales_frozen: bool = False
    """A sales message about it could not be read: its counted_seqs stand still until it is (rule T5)."""

    @property
    def availability(self) -> Availability:
        """The seeds' status, derived."""
        if self.quantity > 0:
            return Availability.AVAILABLE
        return Availability.RESERVED if self.reserved > 0 else Availability.SOLD

    @property
    def sold_out(self) -> bool:
        """Whether it leaves the shops because sales took its last piece, and for no other reason (rule B5)."""
        return self.quantity <= 0 and self.sold_last and not self.archived

    def expect(self, revision: int | None) -> None:
        """Raises StaleRevision unless the lot has this revision; None expects nothing."""
        if revision is not None and revision != self.revision:
            raise StaleRevision(expected=revision, actual=self.revision)

    def update(self, said: LotFields, now: datetime) -> tuple["Lot", Difference]:
        """Take the seller's fields as they are said now."""
        values = {name: getattr(said, name) for name in SETTABLE}
        return self._changed(ChangeType.UPDATED, now, **values)

    def adjust(self, *, by: int, reserved_by: int, now: datetime) -> tuple["Lot", Difference]:
        """Add pieces, take some, or move them between "for sale" and "set aside", because a person said so.

        Raises NotEnoughPieces, for a person may not go below zero (a sale may), and InvalidFields above the maximum.
        """
        if by == 0 and reserved_by == 0:
            raise InvalidFields.one("by", "and reserved_by must not both be 0")
        quantity, reserved = self.quantity + by, self.reserved + reserved_by
        if by < 0 and quantity < 0:
            raise NotEnoughPieces(wanted=-by, have=self.quantity)
        if reserved_by < 0 and reserved < 0:
            raise NotEnoughPieces(wanted=-reserved_by, have=self.reserved, kind="set aside")
        for name, pieces in (("by", quantity), ("reserved_by", reserved)):
            if pieces > MOST_PIECES:
                raise InvalidFields.one(name, f"would make {pieces:,} pieces of at most {MOST_PIECES:,}")
        return self._changed(ChangeType.ADJUSTED, now, quantity=quantity, reserved=reserved)

    def archive(self, now: datetime) -> tuple["Lot", Difference]:
        """Put it away: it leaves every shop."""
        return self._changed(ChangeType.ARCHIVED, now, archived=True)

    def restore(self, now: datetime) -> tuple["Lot", Difference]:
        """Take it out again."""
        return self._changed(ChangeType.RESTORED, now, archived=False)

    def put_back(self, kind: ChangeType, now: datetime, values: Mapping[str, object]) -> tuple["Lot", Difference]:
        """Give fields these values, which `undo.py` has checked."""
        return self._changed(kind, now, **values)

    def sell(self, pieces: int, now: datetime) -> tuple["Lot", Difference]:
        """Count pieces of an order line. It is never refused and may go below zero, archived or not (rule S3)."""
        return self._changed(ChangeType.SOLD, now, quantity=self.quantity - pieces, sold=self.sold + pieces)

    def take_back(self, pieces: int, *, unsold: int, now: datetime) -> tuple["Lot", Difference]:
        """Give back pieces of an order line, of which `unsold` had been counted as sold, archived or not (rule S4)."""
        return self._changed(ChangeType.RETURNED, now, quantity=self.quantity + pieces, sold=self.sold - unsold)

    def acknowledge(self, marketplace: str, seq: int) -> "Lot":
        """Note that the sales messages up to `seq` are in its quantity (rule Q2), unless one was skipped (rule T5)."""
        if self.sales_frozen or seq <= self.counted_seqs.get(marketplace, 0):
            return self
        return replace(self, counted_seqs={**self.counted_seqs, marketplace: seq})

    def linked(self, marketplace: str, listing_id: str) -> "Lot":
        """Note that a listing stands for it: that is no change of the lot, and moves no revision (rules N5, T3)."""
        known = self.listing_ids.get(marketplace, ())
        return replace(self, listing_ids={**self.listing_ids, marketplace: (*known, listing_id)})

    def _changed(self, kind: ChangeType, now: datetime, **values: object) -> tuple["Lot", Difference]:
        """The lot with these values, one revision on; the same lot and an empty difference if nothing differs."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        revision = self.revision + 1
        groups = {group for name in changed for group in groups_of(name)}
        after = self if not changed else _with(self, changed, revision=revision, groups=groups, now=now)
        if "quantity" in changed and kind is not ChangeType.RETURNED:  # a return only undoes some of a sale
            after = replace(after, sold_last=kind is ChangeType.SOLD)
        return after, Difference(
            type=kind,
            before={name: getattr(self, name) for name in changed},
            after={name: getattr(after, name) for name in changed},
            quantity_delta=after.quantity - self.quantity,
            reserved_delta=after.reserved - self.reserved,
        )


def create(
    said: LotFields,
    *,
    lot_id: str,
    seller_id: str,
    now: datetime,
    counted_at: datetime | None = None,
    listing_ids: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Lot, Difference]:
    """A new lot at revision 1. Its quantity counts as counted now unless it was counted before (rule C3).

    `listing_ids`: by marketplace, the listing that it was made from, if it was (rule S7).
    """
    values = {one.name: getattr(said, one.name) for one in fields(LotFields)}
    lot = Lot(
        **values,
        lot_id=lot_id,
        seller_id=seller_id,
        revision=1,
        created_at=now,
        updated_at=now,
        counted_at=counted_at or now,
        listing_ids=listing_ids or {},
        group_revisions=dict.fromkeys(FieldGroup, 1),
    )
    return lot, Difference(
        type=ChangeType.CREATED, before={}, after=values, quantity_delta=lot.quantity, reserved_delta=lot.reserved
    )


def _with(lot: Lot, values: Mapping[str, object], *, revision: int, groups: set[FieldGroup], now: datetime) -> Lot:
    group_revisions = {**lot.group_revisions, **dict.fromkeys(groups, revision)}
    moved = {"revision": revision, "group_revisions": group_revisions, "updated_at": now}
    return replace(lot, **{**values, **moved})  # type: ignore[arg-type]
