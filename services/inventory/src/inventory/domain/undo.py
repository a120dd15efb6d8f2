"""Undo: a change that makes up for another, decided without I/O (design, section 3; rule S5).

Pieces are compensated by their difference, so what was sold since stays sold. Every other field goes back only where it
still is as the change left it. The undo of a creation puts the lot away, with its pieces, unless somebody did anything
else to it since; what orders and returns did is no hindrance. A redo is the undo of an undo.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from inventory.domain.changes import Change, ChangeSource, ChangeType, Difference
from inventory.domain.errors import ChangedSince, InvalidLot, NotEnoughPieces, NotUndoable
from inventory.domain.lot import (
    MOST_PIECES,
    Completeness,
    Condition,
    ItemType,
    Lot,
    LotFields,
    Stockroom,
    Tier,
    UsedGrade,
)
from inventory.domain.rules import check, proposal_of
from inventory.domain.shown import shown

_PIECES: Final = frozenset({"quantity", "reserved"})
_COMPENSATION: Final = {
    ChangeType.CREATED: ChangeType.ARCHIVED,
    ChangeType.UPDATED: ChangeType.UPDATED,
    ChangeType.ADJUSTED: ChangeType.ADJUSTED,
    ChangeType.ARCHIVED: ChangeType.RESTORED,
    ChangeType.RESTORED: ChangeType.ARCHIVED,
}
"""What kind of change the undo of each kind is. Those of orders and returns have none."""


def undo(lot: Lot, change: Change, *, ordered_delta: int, now: datetime) -> tuple[Lot, Difference]:
    """The lot without what this change did to it.

    `ordered_delta` is by how much orders and returns have changed the lot's quantity so far. Raises NotUndoable,
    ChangedSince with the names of the fields, and NotEnoughPieces if the pieces to take were sold meanwhile.
    """
    kind = _COMPENSATION.get(change.type)
    if kind is None or change.cause.source in {ChangeSource.ORDER, ChangeSource.RETURN}:
        raise NotUndoable
    if change.type is ChangeType.CREATED:
        return _undo_creation(lot, change, ordered_delta=ordered_delta, now=now)
    if other := sorted(_changed_since(lot, change.after, but=_PIECES)):
        raise ChangedSince(other)
    values = _values_before(lot, change.before) | _pieces_before(lot, change)
    after = replace(lot, **values)
    try:
        # Each field may be as it was and the whole still break a rule: a price below tiers that came later.
        check(proposal_of(after), currency=lot.currency, quantity_is_new=False)
    except InvalidLot as refusal:
        raise ChangedSince([f"{broken.field} {broken.rule}" for broken in refusal.violations]) from None
    return lot.put_back(kind, now, values)


def _undo_creation(lot: Lot, change: Change, *, ordered_delta: int, now: datetime) -> tuple[Lot, Difference]:
    other = set(_changed_since(lot, change.after, but=frozenset({"quantity"})))
    if lot.quantity != change.quantity_delta + ordered_delta:
        other.add("quantity")
    if lot.archived:
        other.add("archived")
    if other:
        raise ChangedSince(sorted(other))
    return lot.archive(now)


def _changed_since(lot: Lot, after: Mapping[str, Any], *, but: frozenset[str]) -> Iterator[str]:
    current = shown({name: getattr(lot, name) for name in (*LotFields.__dataclass_fields__, "archived")})
    for name, value in after.items():
        if name not in but and current[name] != value:
            yield name


def _pieces_before(lot: Lot, change: Change) -> dict[str, Any]:
    pieces = {}
    for name, delta, kind in (
        ("quantity", change.quantity_delta, "for sale"),
        ("reserved", change.reserved_delta, "set aside"),
    ):
        have: int = getattr(lot, name)
        if delta > 0 and have < delta:
            raise NotEnoughPieces(wanted=delta, have=have, kind=kind)
        if delta < 0 and have - delta > MOST_PIECES:
            raise ChangedSince([f"{name} would be above {MOST_PIECES:,}"])
        pieces[name] = have - delta
    return pieces


def _values_before(lot: Lot, before: Mapping[str, Any]) -> dict[str, Any]:
    """The fields other than pieces, read back from their `shown` form."""
    parts: dict[str, Any] = {_ITEM[name]: _READ[name](value) for name, value in before.items() if name in _ITEM}
    values = {name: _read(name, value) for name, value in before.items() if name not in _ITEM and name not in _PIECES}
    return values | ({"item": replace(lot.item, **parts)} if parts else {})


def _read(name: str, value: Any) -> Any:
    return _READ[name](value) if name in _READ else value


def _optional(read: Callable[[str], object]) -> Callable[[str | None], object]:
    return lambda value: None if value is None else read(value)


_ITEM: Final = {
    "item_type": "type",
    "item_no": "number",
    "color_id": "color_id",
    "condition": "condition",
    "completeness": "completeness",
}
_READ: Final[Mapping[str, Callable[[Any], object]]] = {
    "item_type": ItemType,
    "item_no": str,
    "color_id": int,
    "condition": Condition,
    "completeness": _optional(Completeness),
    "used_grade": _optional(UsedGrade),
    "unit_price": Decimal,
    "tiers": lambda tiers: tuple(Tier(tier["quantity"], Decimal(tier["unit_price"])) for tier in tiers),
    "cost": _optional(Decimal),
    "stockroom": _optional(Stockroom),
    "weight_grams": _optional(Decimal),
    "tags": tuple,
}
"""Fields whose `shown` form is another than their own."""
