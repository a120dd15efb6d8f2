"""A listing and its lot: in what they differ, and what the lot becomes, whatever was sold and read when (ADR 23)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import pytest

from inventory.domain.errors import InvalidFields
from inventory.domain.linking import Aspect, Shown, SoldInBetween, SoldLine, Whose, differences, link, theirs_of
from inventory.domain.lot import MOST_PIECES, Lot, LotFields, Stockroom, Tier, UsedGrade
from inventory.domain.sales import KeptLine, LineKey, SaleKind, ToldLine, count
from inventory.testing.lots import NOON, a_lot

QUANTITY, PRICE, REST = Aspect
OWL = frozenset({"unit_price", "sale_percent", "tiers", "bulk", "cost", "description", "remarks", "used_grade"})
MINUTE = timedelta(minutes=1)
TIERS = (Tier(50, Decimal("0.09")),)


def shown(lot: Lot, *, read_at: datetime = NOON, names: frozenset[str] = OWL, places: int = 3, **values: Any) -> Shown:
    own = {name: getattr(lot, name) for name in LotFields.__dataclass_fields__}
    said = LotFields(**(own | values))
    return Shown(marketplace="brickowl", said=said, names=names, places=places, read_at=read_at)


def linked(lot: Lot, there: Shown, *theirs: Aspect, lines: Sequence[SoldLine] = (), **more: Any) -> Lot:
    values: dict[str, Any] = {
        "theirs": set(theirs),
        "lines": lines,
        "stock_then": lot.quantity + lot.sold,
        "now": NOON + MINUTE,
    }
    return link(lot, there, "77", **(values | more))[0]


@pytest.mark.parametrize(
    ("ours", "theirs", "differing"),
    [
        ({}, {}, []),
        ({"quantity": 8}, {"quantity": 10}, ["quantity"]),
        ({"quantity": -2}, {"quantity": 0}, []),
        ({"unit_price": Decimal("0.0375")}, {"unit_price": Decimal("0.038")}, []),
        ({"unit_price": Decimal("0.0374")}, {"unit_price": Decimal("0.038")}, ["unit_price"]),
        ({"cost": None}, {"cost": Decimal("0.05")}, []),
        ({"cost": Decimal("0.0004")}, {"cost": None}, []),
        ({"cost": Decimal("0.05")}, {"cost": None}, ["cost"]),
        ({"used_grade": None}, {"used_grade": UsedGrade.GOOD}, []),
        ({"used_grade": UsedGrade.LIKE_NEW}, {"used_grade": UsedGrade.GOOD}, ["used_grade"]),
        ({"tiers": (Tier(10, Decimal("0.1196")), Tier(50, Decimal("0.0904")))}, {"tiers": TIERS}, []),
        ({"tiers": (Tier(10, Decimal("0.1")),)}, {"tiers": ()}, ["tiers"]),
        ({"stockroom": Stockroom.B}, {"stockroom": Stockroom.A}, []),
        ({"stockroom": Stockroom.B}, {"stockroom": None}, ["stockroom"]),
        ({"retain": True, "weight_grams": Decimal(2)}, {}, []),
        ({"description": "old", "remarks": "A1"}, {"description": "", "remarks": "B1"}, ["description", "remarks"]),
    ],
)  # fmt: skip
def test_only_what_the_shop_shows_and_would_be_sent_is_a_difference(
    ours: dict[str, Any], theirs: dict[str, Any], differing: list[str]
) -> None:
    lot = replace(a_lot(), **ours)
    there = shown(a_lot(), **({"retain": False} | theirs))
    assert [one.name for one in differences(lot, there, ())] == differing
    assert not differences(linked(lot, there, *Aspect), there, ())


def test_a_shop_that_tells_stockrooms_apart_shows_which() -> None:
    lot, names = a_lot(stockroom=Stockroom.B), OWL | {"stockroom"}
    assert [one.name for one in differences(lot, shown(lot, names=names, stockroom=Stockroom.A), ())] == ["stockroom"]


def test_theirs_is_taken_aspect_by_aspect_and_ours_stays() -> None:
    lot = a_lot(remarks="A1", tiers=(Tier(10, Decimal("0.1")),))
    there = shown(lot, quantity=7, unit_price=Decimal("0.09"), tiers=(), remarks="B2", used_grade=UsedGrade.GOOD)
    assert [one.name for one in differences(lot, there, ())] == ["quantity", "remarks", "tiers", "unit_price"]
    ours = linked(lot, there)
    assert (ours.quantity, ours.unit_price, ours.remarks) == (lot.quantity, lot.unit_price, "A1")
    assert (ours.used_grade, ours.listing_ids) == (UsedGrade.GOOD, {"brickowl": ("77",)})
    assert linked(lot, there, QUANTITY).quantity == 7
    priced = linked(lot, there, PRICE)
    assert (priced.unit_price, priced.tiers, priced.quantity, priced.remarks) == (Decimal("0.09"), (), 40, "A1")
    assert linked(lot, there, REST).remarks == "B2"


def test_what_is_equal_is_not_rounded_and_changes_nothing() -> None:
    lot = a_lot(unit_price=Decimal("0.0375"), used_grade=UsedGrade.GOOD)
    there = shown(lot, unit_price=Decimal("0.038"))
    after, difference = link(
        lot, there, "77", theirs=set(Aspect), lines=(), stock_then=lot.quantity, now=NOON
    )  # fmt: skip
    assert (after.unit_price, after.revision, bool(difference)) == (Decimal("0.0375"), 1, False)


def test_what_people_did_since_they_compared_stays_done_and_so_do_sales() -> None:
    lot = a_lot()
    then = lot.quantity + lot.sold
    edited = lot.adjust(by=5, reserved_by=0, now=NOON)[0].sell(3, NOON)[0]
    line = SoldLine("bricklink", NOON + MINUTE, 3)
    assert linked(edited, shown(lot, quantity=30), QUANTITY, lines=[line], stock_then=then).quantity == 30 + 5 - 3


def test_numbers_that_cannot_be_are_refused() -> None:
    lot = a_lot()
    with pytest.raises(SoldInBetween):
        linked(lot, shown(lot, quantity=2), QUANTITY, lines=[SoldLine("bricklink", NOON + MINUTE, 3)])
    with pytest.raises(InvalidFields, match="of at most"):
        linked(lot, shown(lot, quantity=MOST_PIECES), QUANTITY, stock_then=10)


@pytest.mark.parametrize(
    ("said", "theirs"),
    [
        ([{}], set()),
        ([{QUANTITY: Whose.THEIRS}], {QUANTITY}),
        ([{QUANTITY: Whose.OURS}, {QUANTITY: Whose.THEIRS, PRICE: Whose.THEIRS}], {PRICE}),
    ],
)
def test_of_several_words_the_nearest_counts(said: list[dict[Aspect, Whose]], theirs: set[Aspect]) -> None:
    assert theirs_of(said) == theirs


class Sale(NamedTuple):
    """Three pieces are sold in a shop."""

    shop: str
    at: int
    """Minutes after the first of the two lists was read; the other one was read ten minutes later."""
    known_at: int
    """When inventory is told of it, if the listing is linked by then."""


LINKED_AT = 20
SALES = [
    Sale(shop, at, known_at)
    for shop in ("bricklink", "brickowl")
    for at in (-5, 5, 15, 25)
    for known_at in (max(at, 0) + 1, 21, 45)
    if known_at > at
]


@pytest.mark.parametrize("taken", [frozenset(), frozenset({QUANTITY})], ids=["ours", "theirs"])
@pytest.mark.parametrize("first", ["bricklink", "brickowl"])
@pytest.mark.parametrize("baseline_at", [-1, 12], ids=["connected before", "connected later"])
def test_each_sale_leaves_the_stock_once(baseline_at: int, first: str, taken: frozenset[Aspect]) -> None:
    """The table of ADR 23, each pair of its sales.

    Both shops showed 40 of the same pieces before either was read, and nobody keeps them equal. The lot is made from
    BrickLink's list, and linked to Brick Owl's listing at minute 20. Each list lacks what its own shop sold before it
    was read. Whoever's number is taken, all that either shop sold since the earlier read leaves it once, whenever the
    order becomes known; what the other shop sold before that is in neither number.
    """
    for sales in (sorted({one, other}) for one, other in combinations_with_replacement(SALES, 2)):
        lot, whose = sold_and_linked(sales, baseline_at=baseline_at, first=first, taken=taken)
        expected = 40 - 3 * sum(sale.at > 0 or sale.shop == whose for sale in sales)
        assert (lot.quantity, sales) == (expected, sales)


def sold_and_linked(
    sales: Sequence[Sale], *, baseline_at: int, first: str, taken: frozenset[Aspect]
) -> tuple[Lot, str]:
    """The lot when all is told, and whose number it was."""
    at = {first: 0, ({"bricklink", "brickowl"} - {first}).pop(): 10}
    gone = {shop: sum(3 for sale in sales if sale.shop == shop and sale.at < read) for shop, read in at.items()}
    lot = replace(a_lot(), quantity=40 - gone["bricklink"], counted_at=minute(at["bricklink"]))
    there = shown(lot, read_at=minute(at["brickowl"]), quantity=40 - gone["brickowl"])
    kept: dict[int, KeptLine] = {}

    def tell(lot: Lot, number: int, sale: Sale) -> Lot:
        key = LineKey("seller", sale.shop, str(number), sale.shop)
        told = ToldLine(
            key=key, lot_id=lot.lot_id, total=3, kind=SaleKind.RECOUNT, seq=1, ordered_at=minute(sale.at)
        )  # fmt: skip
        known = lot.counted_ats.get(sale.shop)
        baseline = None if known else minute(baseline_at if sale.shop == "brickowl" else -30)
        counted = count(told, None, baseline_at=baseline, counted_at=known or lot.counted_at)
        kept[number] = counted.line
        return lot.sell(counted.sold, NOON)[0] if counted.sold else lot

    for number, sale in enumerate(sales):
        if sale.shop == "bricklink" and sale.known_at < LINKED_AT:
            lot = tell(lot, number, sale)
    lines = [SoldLine(line.key.marketplace, line.ordered_at, line.total) for line in kept.values()]
    differs = any(difference.name == "quantity" for difference in differences(lot, there, lines))
    lot = linked(lot, there, *taken, lines=lines)
    for number, sale in enumerate(sales):
        if number not in kept:
            lot = tell(lot, number, sale)
    return lot, "brickowl" if taken and differs else "bricklink"


def minute(number: int) -> datetime:
    return NOON + number * MINUTE
