"""What a row of a file does to a lot that is there: adds pieces, or makes it what the file says (design, section 3)."""

from collections.abc import Set
from dataclasses import fields, replace
from datetime import datetime
from typing import Final, NamedTuple

from inventory.domain.changes import ChangeType, Difference
from inventory.domain.errors import InvalidFields, NotEnoughPieces
from inventory.domain.lot import MOST_PIECES, Item, Lot, LotFields
from inventory.domain.rules import check, proposal_of

_KEPT_UNSAID: Final = frozenset({"used_grade", "weight_grams"})
"""Fields that most programs drop from their files: silence does not mean that the lot has none."""


class NoSuchLotAnyMore(Exception):
    """The lot is not what a preview found: it was put away, or is another item now."""

    def __init__(self) -> None:
        super().__init__("The lot was put away since the preview, or is another item now.")


def expect_equal(lot: Lot | None, item: Item) -> Lot:
    """The lot, if it still is of this item and not put away. Raises NoSuchLotAnyMore."""
    if lot is None or lot.archived or lot.item != item:
        raise NoSuchLotAnyMore
    return lot


def add_pieces(lot: Lot, said: LotFields, now: datetime) -> tuple[Lot, Difference]:
    """The lot with the row's pieces as well. Raises InvalidFields above the maximum."""
    if said.quantity == 0:
        return lot, _nothing()
    return lot.adjust(by=said.quantity, reserved_by=0, now=now)


class Pieces(NamedTuple):
    """What a lot had when a person compared it with a row."""

    quantity: int
    reserved: int


def replace_by(lot: Lot, said: LotFields, *, names: Set[str], then: Pieces, now: datetime) -> tuple[Lot, Difference]:
    """The lot as the row says it, as far as the file can say it (`names`, besides the quantity).

    Pieces change by what the file says minus what they were when a person compared them, so those that were sold or
    moved since stay so. Raises NotEnoughPieces if more would be taken than there are, InvalidFields for broken rules.
    """
    pieces = {"quantity": _moved(lot.quantity, said.quantity - then.quantity, "for sale")}
    if "reserved" in names:
        pieces["reserved"] = _moved(lot.reserved, said.reserved - then.reserved, "set aside")
    values = {name: getattr(said, name) for name in names}
    kept = {name for name in values.keys() & _KEPT_UNSAID if values[name] is None}
    own = LotFields(**{one.name: getattr(lot, one.name) for one in fields(LotFields)})
    wanted = replace(own, **({name: value for name, value in values.items() if name not in kept} | pieces))
    # Each field may be right and the whole still break a rule: a price below tiers that the file cannot say.
    return lot.update(check(proposal_of(wanted), currency=lot.currency, quantity_is_new=False), now)


def _moved(have: int, by: int, kind: str) -> int:
    if by < 0 and have + by < 0:
        raise NotEnoughPieces(wanted=-by, have=have, kind=kind)
    if have + by > MOST_PIECES:
        raise InvalidFields.one("quantity", f"would be {have + by:,} {kind}, of at most {MOST_PIECES:,}")
    return have + by


def _nothing() -> Difference:
    return Difference(type=ChangeType.ADJUSTED, before={}, after={}, quantity_delta=0, reserved_delta=0)
