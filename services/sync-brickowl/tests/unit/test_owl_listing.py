"""A lot in Brick Owl's terms and back."""

from dataclasses import replace
from typing import Any

import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_brickowl.catalog import BOID, COLORS, counterparts, entry_named, entry_text, hints_of, item_here, types_of
from sync_brickowl.listing import (
    LOT_FIELDS,
    UnsendableError,
    create_params,
    facts,
    listing_of,
    lot_of,
    update_params,
)
from sync_brickowl.lot_fields import lot_fields_of
from syncengine.listing import CatalogEntry, Item, ListingId, Lot, Value
from syncengine.marketplace import Create, Update
from syncengine.rows.listing import FOR_SALE
from syncengine.service.reading import UnreadableError

BRICK = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=11, condition=lot_pb2.CONDITION_NEW)
ITEM = Item(item_type=BOID, number="771344", color_id=38, condition="new", completeness="")
SHOWN: dict[str, Any] = {
    "con": "new",
    "full_con": "new",
    "qty": "12",
    "lot_id": "70000001",
    "price": "0.720",
    "base_price": "0.800",
    "final_price": "0.720",
    "sale_percent": "10",
    "bulk_qty": "1",
    "for_sale": "1",
    "public_note": "",
    "personal_note": "A1-03",
    "my_cost": None,
    "tier_price": [["50", "0.700"], ["100", "0.650"]],
    "reserve_uid": None,
    "boid": "771344-38",
    "external_lot_ids": {"other": "50001001"},
    "type": "Part",
}


def money(ten_thousandths: int) -> Money:
    return Money(currency_code="EUR", units=ten_thousandths // 10_000, nanos=ten_thousandths % 10_000 * 100_000)


def a_lot(**fields: Any) -> Lot:
    values: dict[str, Any] = {"item": BRICK, "quantity": 5, "unit_price": money(8000), "bulk": 1} | fields
    return lot_of(lot_pb2.Lot(**values))


def test_lot_has_every_field_in_its_normal_form() -> None:
    lot = a_lot(
        sale_percent=10,
        tiers=[lot_pb2.Tier(quantity=50, unit_price=money(7004)), lot_pb2.Tier(quantity=100, unit_price=money(6495))],
        cost=money(1),
        description=" two\r\nlines ",
        weight_grams="2.32",
    )
    assert lot.fields == {
        "price": "0.800",
        "sale_percent": 10,
        "tier_price": "50:0.700,100:0.650",
        "bulk_qty": 1,
        "public_note": "two\nlines",
        "personal_note": "",
        "my_cost": None,  # three decimals leave nothing of it
        "grade": "",
        "lot_weight": "2.320",
    }
    assert lot.fields.keys() == LOT_FIELDS.keys()
    assert (lot.item.color_id, lot.item.condition, lot.entry) == (
        38,
        "new",
        CatalogEntry(item_type="PART", number="3001"),
    )


def test_tier_that_saves_nothing_with_three_decimals_is_none() -> None:
    tiers = [lot_pb2.Tier(quantity=50, unit_price=money(124)), lot_pb2.Tier(quantity=100, unit_price=money(119))]
    assert a_lot(unit_price=money(124), tiers=tiers).fields["tier_price"] == ""
    assert a_lot(unit_price=money(126), tiers=tiers).fields["tier_price"] == "50:0.012"


@pytest.mark.parametrize(
    ("condition", "completeness", "expected"),
    [
        ("NEW", "SEALED", "news"),
        ("NEW", "COMPLETE", "newc"),
        ("NEW", "INCOMPLETE", "newi"),
        ("USED", "SEALED", "usedc"),
        ("USED", "COMPLETE", "usedc"),
        ("USED", "INCOMPLETE", "usedi"),
    ],
)
def test_sets_have_conditions_of_their_own(condition: str, completeness: str, expected: str) -> None:
    item = lot_pb2.Item(
        type=lot_pb2.ITEM_TYPE_SET,
        number="75192-1",
        condition=lot_pb2.Condition.Value(f"CONDITION_{condition}"),
        completeness=lot_pb2.Completeness.Value(f"COMPLETENESS_{completeness}"),
    )
    lot = a_lot(item=item)
    assert (lot.item.condition, lot.fields["grade"]) == (expected, "")


def test_grade_is_a_field_and_no_part_of_what_the_lot_is_of() -> None:
    """A change of it is an update; were it part of the item, the listing would be removed and made anew (rule N4)."""
    used = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=11, condition=lot_pb2.CONDITION_USED)
    plain, fine = a_lot(item=used), a_lot(item=used, used_grade=lot_pb2.USED_GRADE_LIKE_NEW)
    assert plain.item == fine.item
    assert (plain.fields["grade"], fine.fields["grade"]) == ("usedg", "usedn")
    assert (set(plain.unsaid), set(fine.unsaid), set(a_lot().unsaid)) == ({"grade"}, set(), set())
    shown = listing_of({**SHOWN, "full_con": "useda", "con": "used"})
    assert (shown.item.condition, shown.fields["grade"]) == ("used", "useda")


def test_hidden_and_archived_lots_are_not_for_sale() -> None:
    assert not a_lot(stockroom=lot_pb2.STOCKROOM_A).for_sale
    archived = a_lot(archived=True, retain=True)
    assert (archived.for_sale, archived.quantity, archived.retain) == (False, 0, False)


@pytest.mark.parametrize(
    "broken",
    [
        {"item": lot_pb2.Item()},
        {"item": lot_pb2.Item(type=lot_pb2.ITEM_TYPE_SET, number="1-1", condition=lot_pb2.CONDITION_NEW)},
        {"tiers": [lot_pb2.Tier(quantity=2, unit_price=money(1))] * 4},
        {"unit_price": Money(currency_code="EUR", units=-1)},
        {"weight_grams": "heavy"},
    ],
)
def test_lot_that_inventory_never_publishes_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a "):
        a_lot(**broken)


def test_create_says_what_it_must_and_an_update_what_is_due() -> None:
    create = Create(
        item=ITEM, quantity=5, for_sale=True, retain=False, fields={"price": "0.800", "grade": ""}, external_id="lot.1"
    )
    expected = {"boid": "771344", "color_id": "38", "quantity": "5", "price": "0.800", "condition": "new"}
    assert create_params(create) == {**expected, "external_id": "lot.1"}
    colorless = create_params(replace(create, item=replace(ITEM, color_id=0, condition="news")))
    assert "color_id" not in colorless
    fields: dict[str, Value] = {"tier_price": "", "public_note": "", "grade": "useda", "sale_percent": 0}
    update = Update(listing_id=ListingId("7"), delta=-3, for_sale=False, fields=fields)
    assert update_params(update) == {
        "lot_id": "7",
        "relative_quantity": "-3",
        "for_sale": "0",
        "tier_price": "remove",
        "public_note": "",
        "condition": "useda",
        "sale_percent": "0",
    }


@pytest.mark.parametrize("name", ["price", "my_cost", "lot_weight"])
def test_amount_that_is_too_small_or_none_is_named(name: str) -> None:
    for value, word in (("0.000", "TOO_SMALL"), (None, "CANNOT_BE_TAKEN_AWAY")):
        with pytest.raises(UnsendableError) as refused:
            update_params(Update(listing_id=ListingId("7"), fields={name: value}))
        assert refused.value.reason == f"{name.upper()}_{word}"


def test_every_field_of_the_facts_can_be_sent_shown_and_taken_back() -> None:
    lot = a_lot(cost=money(1200), weight_grams="1", remarks="x", description="y")
    values = {**lot.fields, "grade": "usedn"}
    update_params(Update(listing_id=ListingId("7"), fields=values))
    for name in (*facts(600, 200).groups, FOR_SALE):
        assert lot_fields_of(name, {**values, FOR_SALE: False}, currency_code="EUR") is not None


def test_surcharge_is_no_lots() -> None:
    assert lot_fields_of("sale_percent", {"sale_percent": -5}, currency_code="EUR") is None


def test_listing_shows_the_price_before_the_sale() -> None:
    listing = listing_of(SHOWN)
    assert (listing.listing_id, listing.item, listing.quantity, listing.external_id) == (
        "70000001",
        ITEM,
        12,
        "50001001",
    )
    assert (listing.fields["price"], listing.fields["tier_price"]) == ("0.800", "50:0.700,100:0.650")


@pytest.mark.parametrize(
    "broken",
    [{"boid": "x"}, {"boid": None}, {"qty": "1.5"}, {"for_sale": "2"}, {"tier_price": [["50"]]}, {"lot_id": ""}],
)
def test_listing_that_cannot_be_is_unreadable(broken: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError):
        listing_of({**SHOWN, **broken})


def test_colours_are_each_marketplaces_own_and_none_is_there_twice() -> None:
    assert (COLORS[11], COLORS[0]) == (38, 0)
    assert len(set(COLORS.values())) == len(COLORS)


def test_entry_is_looked_up_as_what_it_may_be() -> None:
    assert types_of(CatalogEntry(item_type="PART", number="75192stk01"))[0] == "Sticker"
    assert types_of(CatalogEntry(item_type="BOOK", number="b1")) == ()


def test_first_type_that_has_any_is_it_and_of_several_a_person_says_which() -> None:
    one, none, two = frozenset({"1"}), frozenset[str](), frozenset({"10", "2"})
    [found] = counterparts([("Part", none), ("Minibuild", one)])
    assert found == CatalogEntry(item_type=BOID, number="1", color_id=None)
    [found] = counterparts([("Minifigure", one)])
    assert (found, entry_text(found)) == (CatalogEntry(item_type=BOID, number="1", color_id=0), "1-0")
    assert [entry_text(found) for found in counterparts([("Part", two), ("Minibuild", one)])] == ["2", "10"]
    assert not counterparts([])


def test_listing_hints_at_bricklinks_numbers_the_right_kind_first() -> None:
    ids = [
        {"id": "3001", "type": "design_id"},
        {"id": "771344-38", "type": "boid"},
        {"id": "3001old", "type": "bl_item_no"},
    ]
    assert [(hint.item_type, hint.number) for hint in hints_of("Part", ids)] == [("PART", "3001old"), ("PART", "3001")]
    assert [hint.item_type for hint in hints_of("Minibuild", ids[:1])] == ["PART", "MINIFIG"]
    sets = [{"id": "75192-1", "type": "set_number"}]
    assert [(hint.item_type, hint.number) for hint in hints_of("Set", sets)] == [("SET", "75192-1")]
    assert [hint.item_type for hint in hints_of("Packaging", sets)] == ["ORIGINAL_BOX"]
    assert hints_of("Part", [None, {"id": 7, "type": "design_id"}, {"type": "ldraw"}]) == ()
    assert hints_of("Part", "nonsense") == hints_of(None, ids) == ()


@pytest.mark.parametrize(
    ("entry", "color_id", "condition", "expected"),
    [
        ("PART", 38, "used", (11, "CONDITION_USED", "COMPLETENESS_UNSPECIFIED")),
        ("SET", 0, "newi", (0, "CONDITION_NEW", "COMPLETENESS_INCOMPLETE")),
        ("PART", 38, "other", None),
        ("PART", 38, "newc", None),
        ("SET", 0, "new", None),
        ("PART", 999_999, "new", None),
    ],
)
def test_item_comes_back_in_inventorys_terms(
    entry: str, color_id: int, condition: str, expected: tuple[int, str, str] | None
) -> None:
    item = Item(item_type=BOID, number="7", color_id=color_id, condition=condition, completeness="")
    back = item_here(item, CatalogEntry(item_type=entry, number="n"))
    told = back and (
        back.color_id,
        lot_pb2.Condition.Name(back.condition),
        lot_pb2.Completeness.Name(back.completeness),
    )
    assert told == expected


def test_person_names_a_boid_with_or_without_colour() -> None:
    assert entry_named(" 771344-38 ") == CatalogEntry(item_type=BOID, number="771344", color_id=38)
    assert entry_named("771344") == CatalogEntry(item_type=BOID, number="771344", color_id=None)
    assert [entry_named(text) for text in ("", "3001b", "771344-", "-38", "\uff17")] == [None] * 5
