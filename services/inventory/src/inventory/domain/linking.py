"""A shop's listing beside the lot that it is to stand for: in what they differ, and what the lot becomes (ADR 23).

A shop may show less than a lot says, and prices with fewer decimal places: what it would show of the lot is compared
with what it shows, so what nothing would be sent for is no difference. Their quantity is a count of the same stock at
another moment: pieces that were sold since are not taken back, in whatever order the two shops were read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from inventory.domain.changes import Difference
from inventory.domain.errors import InvalidFields
from inventory.domain.lot import MOST_PIECES, Lot, LotFields
from inventory.domain.money import PLACES
from inventory.domain.rules import check, proposal_of

FIRST_DAY: Final = timedelta(days=1)
"""How far apart two shops may be read for nobody to have kept them in step between the two reads."""


class Aspect(StrEnum):
    """What a seller decides together where a listing and its lot differ."""

    QUANTITY = "QUANTITY"
    PRICE = "PRICE"
    REST = "REST"


class Whose(StrEnum):
    """Whose value is taken."""

    OURS = "OURS"
    THEIRS = "THEIRS"


_PRICE: Final = frozenset({"unit_price", "sale_percent", "tiers", "bulk"})
MAY_BE_UNSAID: Final = frozenset({"used_grade", "cost", "weight_grams"})
"""Fields that many lots leave unsaid: silence does not mean that there is none, and most shops cannot take it away."""
ALWAYS_SHOWN: Final = frozenset(
    {"unit_price", "sale_percent", "tiers", "bulk", "cost", "description", "remarks", "stockroom", "retain"}
)
"""What is compared with a listing of which its sync service does not say what is shown."""


def aspect_of(name: str) -> Aspect:
    """To which aspect a field of a lot belongs."""
    if name == "quantity":
        return Aspect.QUANTITY
    return Aspect.PRICE if name in _PRICE else Aspect.REST


class SoldInBetween(Exception):
    """Their number less what was sold since would be below zero."""

    def __init__(self) -> None:
        super().__init__(
            "Other shops sold more pieces than this listing shows since it was read: take your own number."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A listing, as its shop showed it."""

    marketplace: str
    said: LotFields
    """The lot that it would be."""
    names: frozenset[str] = ALWAYS_SHOWN
    """The fields that the shop shows, besides item and quantity; `stockroom` if it tells one from another."""
    places: int = PLACES
    """The decimal places of its prices."""
    read_at: datetime
    """When its pieces were counted, by the shop's clock."""


@dataclass(frozen=True, slots=True)
class SoldLine:
    """Pieces of a lot in one order, counted or not."""

    marketplace: str
    ordered_at: datetime
    pieces: int


class FieldDifference(NamedTuple):
    """A field of a lot that a listing shows otherwise, and the value that the lot would get by taking theirs."""

    name: str
    ours: object
    theirs: object


def differences(lot: Lot, shown: Shown, lines: Collection[SoldLine]) -> tuple[FieldDifference, ...]:
    """In what a lot and a listing differ; what the lot leaves unsaid is no difference."""
    theirs_left = quantity_left(lot, shown, lines)
    there = as_shown(shown.said, shown)
    differing = [name for name, value in as_shown(lot, shown).items() if there[name] != value]
    differing = [name for name in differing if not (name in MAY_BE_UNSAID and getattr(lot, name) is None)]
    found = [FieldDifference(name, getattr(lot, name), getattr(shown.said, name)) for name in differing]
    if max(0, theirs_left) != max(0, lot.quantity):
        found.insert(0, FieldDifference("quantity", lot.quantity, theirs_left))
    return tuple(found)


def as_shown(lot: LotFields, shown: Shown) -> dict[str, Any]:
    """What the shop would show of a lot, its quantity aside; each value is hashable."""
    values: dict[str, Any] = {}
    for name in sorted(shown.names - {"stockroom"}):
        value = getattr(lot, name)
        if isinstance(value, Decimal):
            value = _rounded(value, shown.places)
            value = None if name != "unit_price" and value == 0 else value  # so little cannot be sent
        elif name == "tiers":
            value = tuple(_tiers(lot, shown.places))
        values[name] = value
    values["stockroom"] = lot.stockroom if "stockroom" in shown.names else lot.stockroom is not None
    return values


def _tiers(lot: LotFields, places: int) -> Iterator[tuple[int, Decimal]]:
    """Tiers as a shop shows them: one that saves nothing there is none."""
    last = _rounded(lot.unit_price, places)
    for tier in lot.tiers:
        price = _rounded(tier.unit_price, places)
        if price < last:
            yield tier.quantity, price
            last = price


def _rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def counted_apart_since(lot: Lot, shown: Shown) -> datetime:
    """From when on neither count holds what the other shop sold.

    Where the two shops were read within a day, nobody kept them in step between the reads: from the earlier one on. A
    lot that was counted longer ago was kept in step by its seller until now, as a baseline assumes (rule C3).
    """
    return min(lot.counted_at, shown.read_at) if _is_first_day(lot, shown) else shown.read_at


def _is_first_day(lot: Lot, shown: Shown) -> bool:
    return lot.counted_at >= shown.read_at - FIRST_DAY


def quantity_left(lot: Lot, shown: Shown, lines: Collection[SoldLine]) -> int:
    """What is left of the listing's pieces by all that is known to be sold; below zero if more was sold."""
    since = counted_apart_since(lot, shown)
    return shown.said.quantity - sum(
        line.pieces
        for line in lines
        if line.ordered_at > (shown.read_at if line.marketplace == shown.marketplace else since)
    )


def link(
    lot: Lot,
    shown: Shown,
    listing_id: str,
    *,
    theirs: Set[Aspect],
    lines: Collection[SoldLine],
    stock_then: int,
    now: datetime,
) -> tuple[Lot, Difference]:
    """The lot with the listing as its own, and with their values of these aspects.

    `stock_then`: the lot's quantity and what was sold of it, when a person compared the two: what people did to it
    since stays done. Raises SoldInBetween, and InvalidFields for broken rules.
    """
    differing = {difference.name for difference in differences(lot, shown, lines)}
    names: set[str] = {name for name in MAY_BE_UNSAID if name in shown.names and getattr(lot, name) is None}
    names |= {name for name in differing if name != "quantity" and aspect_of(name) in theirs}
    if names & _PRICE:  # tiers belong to the price that they are below
        names |= _PRICE & shown.names
    values = {name: getattr(shown.said, name) for name in names}
    counted = _counted(lot, shown)
    if Aspect.QUANTITY in theirs and "quantity" in differing:
        values["quantity"] = _their_quantity(lot, shown, lines, stock_then)
        since = counted_apart_since(lot, shown)
        counted = replace(lot, counted_at=since, counted_ats={shown.marketplace: shown.read_at})
    own = LotFields(**{one.name: getattr(lot, one.name) for one in fields(LotFields)})
    wanted = check(proposal_of(replace(own, **values)), currency=lot.currency, quantity_is_new=False)
    return counted.linked(shown.marketplace, listing_id).update(wanted, now)


def _counted(lot: Lot, shown: Shown) -> Lot:
    """The lot whose own number stands: which of the listing's orders are not in it yet."""
    if not _is_first_day(lot, shown):
        return lot
    moments = {**lot.counted_ats, shown.marketplace: counted_apart_since(lot, shown)}
    return replace(lot, counted_ats=moments)


def _their_quantity(lot: Lot, shown: Shown, lines: Collection[SoldLine], stock_then: int) -> int:
    left = quantity_left(lot, shown, lines)
    done_since = lot.quantity + lot.sold - stock_then
    if left < 0 or left + done_since < 0:
        raise SoldInBetween
    if left + done_since > MOST_PIECES:
        raise InvalidFields.one("quantity", f"would be {left + done_since:,} for sale, of at most {MOST_PIECES:,}")
    return left + done_since


def theirs_of(said: Sequence[Mapping[Aspect, Whose]]) -> frozenset[Aspect]:
    """The aspects of which theirs is taken; of several words on one the first counts, and silence is ours."""
    first = {aspect: next((one[aspect] for one in said if aspect in one), Whose.OURS) for aspect in Aspect}
    return frozenset(aspect for aspect, whose in first.items() if whose is Whose.THEIRS)
