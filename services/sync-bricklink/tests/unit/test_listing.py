"""The mapping of lots and listings, both ways."""

import html
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_bricklink.listing import LOT_FIELDS, create_body, facts, listing_of, lot_of, update_body
from sync_bricklink.lot_fields import lot_fields_of
from syncengine.drift import noticed, shown_values, written_fields
from syncengine.listing import Group, Item, ListingId, Lot
from syncengine.marketplace import Create, Update
from syncengine.service.reading import UnreadableError
from syncengine.service.theirs import fields_shown, item_told, lot_shown
from syncengine.testing.store_contract.scenery import lot_row

ITEM = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=5, condition=lot_pb2.CONDITION_USED)
SET = lot_pb2.Item(
    type=lot_pb2.ITEM_TYPE_SET,
    number="75192-1",
    condition=lot_pb2.CONDITION_NEW,
    completeness=lot_pb2.COMPLETENESS_SEALED,
)


def money(amount: str) -> Money:
    units, nanos = divmod(Decimal(amount), 1)
    return Money(currency_code="EUR", units=int(units), nanos=int(nanos * 10**9))


def lot(**fields: Any) -> lot_pb2.Lot:
    return lot_pb2.Lot(**{"item": ITEM, "quantity": 40, "unit_price": money("0.12"), "bulk": 1, **fields})


def create(lot: Lot) -> Create:
    return Create(
        item=lot.item, quantity=lot.quantity, for_sale=lot.for_sale, retain=lot.retain, fields=dict(lot.fields)
    )


def update(**changes: Any) -> Update:
    fields = {"description": "as it was", **changes.pop("fields", {})}
    return Update(listing_id=ListingId("50001001"), fields=fields, **changes)


SHOWN: Mapping[str, Any] = {
    "inventory_id": 50001001,
    "item": {"no": "3001", "name": "Brick 2 x 4", "type": "PART", "category_id": 5},
    "color_id": 5,
    "color_name": "Red",
    "quantity": 40,
    "new_or_used": "U",
    "unit_price": "0.1200",
    "bind_id": 0,
    "description": "light scratches &#40;see photo&#41;",
    "remarks": "A1-03",
    "bulk": 1,
    "is_retain": False,
    "is_stock_room": False,
    "date_created": "2025-03-01T05:00:00.000Z",
    "my_cost": "0.0400",
    "sale_rate": 0,
    "tier_quantity1": 50,
    "tier_price1": "0.1100",
    "tier_quantity2": 100,
    "tier_price2": "0.1000",
    "tier_quantity3": 0,
    "tier_price3": "0.0000",
    "my_weight": "0.0000",
}
"""The example of marketplaces/bricklink.md#3.1."""

# inventory's lot ------------------------------------------------------------------------------------------------------


def test_lot_of_carries_every_field_that_bricklink_takes() -> None:
    mapped = lot_of(
        lot(
            sale_percent=20,
            tiers=[
                lot_pb2.Tier(quantity=50, unit_price=money("0.11")),
                lot_pb2.Tier(quantity=100, unit_price=money("0.1")),
            ],
            bulk=10,
            cost=money("0.04"),
            description="light scratches (see\xa0photo) ",
            remarks="A1-03\r\nleft",
            stockroom=lot_pb2.STOCKROOM_B,
            retain=True,
        )
    )

    assert mapped == Lot(
        item=Item(item_type="PART", number="3001", color_id=5, condition="USED", completeness=""),
        quantity=40,
        for_sale=False,
        retain=True,
        fields={
            "stock_room_id": "B",
            "unit_price": "0.1200",
            "sale_rate": 20,
            "tiers": "50:0.1100 100:0.1000 0:0.0000",
            "bulk": 10,
            "description": "light scratches (see photo)",
            "remarks": "A1-03\nleft",
            "my_cost": "0.0400",
        },
        currency_code="EUR",
    )


def test_lot_of_without_options_says_none_of_them() -> None:
    mapped = lot_of(lot(bulk=0))

    assert mapped.for_sale
    assert mapped.fields == {
        "stock_room_id": "",
        "unit_price": "0.1200",
        "sale_rate": 0,
        "tiers": "0:0.0000 0:0.0000 0:0.0000",
        "bulk": 1,
        "description": "",
        "remarks": "",
        "my_cost": "0.0000",
    }


def test_archived_lot_is_hidden_and_has_no_pieces() -> None:
    mapped = lot_of(lot(archived=True))

    assert (mapped.quantity, mapped.for_sale) == (0, False)


def test_oversold_lot_keeps_its_number_below_zero() -> None:
    assert lot_of(lot(quantity=-3)).quantity == -3


@pytest.mark.parametrize(
    ("item_type", "word"),
    [
        (lot_pb2.ITEM_TYPE_MINIFIG, "MINIFIG"),
        (lot_pb2.ITEM_TYPE_ORIGINAL_BOX, "ORIGINAL_BOX"),
        (lot_pb2.ITEM_TYPE_UNSORTED_LOT, "UNSORTED_LOT"),
    ],
)
def test_item_types_are_bricklinks_words(item_type: lot_pb2.ItemType.ValueType, word: str) -> None:
    item = lot_pb2.Item(type=item_type, number="x1", condition=lot_pb2.CONDITION_NEW)

    assert create_body(create(lot_of(lot(item=item))))["item"] == {"no": "x1", "type": word}


@pytest.mark.parametrize(
    "odd",
    [
        lot(item=lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001")),
        lot(item=lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, condition=lot_pb2.CONDITION_NEW)),
        lot(item=lot_pb2.Item(number="3001", condition=lot_pb2.CONDITION_NEW)),
        lot(item=lot_pb2.Item(type=lot_pb2.ITEM_TYPE_SET, number="1-1", condition=lot_pb2.CONDITION_NEW)),
        lot(tiers=[lot_pb2.Tier(quantity=2, unit_price=money("0.1"))] * 4),
        lot(unit_price=Money(units=-1)),
    ],
)
def test_lot_that_inventory_never_publishes_is_refused(odd: lot_pb2.Lot) -> None:
    with pytest.raises(ValueError, match="a "):
        lot_of(odd)


# to the shop ----------------------------------------------------------------------------------------------------------


def test_create_body_of_a_plain_lot_is_the_smallest_known_to_work() -> None:
    """The minimum of marketplaces/bricklink.md#3.4: what says "none" stays out."""
    assert create_body(create(lot_of(lot(remarks="A1-03")))) == {
        "item": {"no": "3001", "type": "PART"},
        "color_id": 5,
        "quantity": 40,
        "unit_price": "0.1200",
        "new_or_used": "U",
        "description": "",
        "remarks": "A1-03",
        "bulk": 1,
        "is_retain": False,
        "is_stock_room": False,
    }


def test_create_body_of_a_full_set() -> None:
    body = create_body(
        create(
            lot_of(
                lot(
                    item=SET,
                    sale_percent=5,
                    cost=money("1.5"),
                    retain=True,
                    stockroom=lot_pb2.STOCKROOM_C,
                    tiers=[lot_pb2.Tier(quantity=2, unit_price=money("0.1"))],
                )
            )
        )
    )

    assert body["completeness"] == "S"
    assert body["new_or_used"] == "N"
    assert (body["sale_rate"], body["my_cost"], body["is_retain"]) == (5, "1.5000", True)
    assert (body["is_stock_room"], body["stock_room_id"]) == (True, "C")
    assert (body["tier_quantity1"], body["tier_price1"]) == (2, "0.1000")
    assert (body["tier_quantity2"], body["tier_price2"]) == (0, "0.0000")
    assert (body["tier_quantity3"], body["tier_price3"]) == (0, "0.0000")


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (update(delta=5), {"quantity": "+5"}),
        (update(delta=-3), {"quantity": "-3"}),
        (update(), {}),
        (update(fields={"unit_price": "0.2000"}), {"unit_price": "0.2000"}),
        (update(fields={"sale_rate": 0, "bulk": 2}), {"sale_rate": 0, "bulk": 2}),
        (update(fields={"my_cost": "0.0000"}), {"my_cost": "0.0000"}),
        (update(fields={"remarks": ""}), {"remarks": ""}),
        (update(retain=True), {"is_retain": True}),
        (update(for_sale=True, fields={"stock_room_id": ""}), {"is_stock_room": False}),
        (update(for_sale=False), {"is_stock_room": True, "stock_room_id": "A"}),
        (update(for_sale=False, fields={"stock_room_id": "B"}), {"is_stock_room": True, "stock_room_id": "B"}),
        (update(fields={"stock_room_id": "C"}), {"is_stock_room": True, "stock_room_id": "C"}),
        (update(fields={"stock_room_id": ""}), {"is_stock_room": False}),
        (
            update(fields={"tiers": "0:0.0000 0:0.0000 0:0.0000"}),
            {f"tier_quantity{n}": 0 for n in (1, 2, 3)} | {f"tier_price{n}": "0.0000" for n in (1, 2, 3)},
        ),
    ],
)
def test_update_body_holds_what_is_due_and_the_description(change: Update, body: dict[str, object]) -> None:
    assert update_body(change) == {"description": "as it was", **body}


def test_update_without_the_description_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="description"):
        update_body(Update(listing_id=ListingId("1"), delta=1))


def test_field_that_the_shop_does_not_take_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="my_weight"):
        update_body(update(fields={"my_weight": "1.0000"}))


# from the shop --------------------------------------------------------------------------------------------------------


def test_listing_of_the_manuals_example() -> None:
    listing = listing_of(SHOWN)

    assert listing.listing_id == "50001001"
    assert listing.item == Item(item_type="PART", number="3001", color_id=5, condition="USED", completeness="")
    assert (listing.quantity, listing.for_sale, listing.retain) == (40, True, False)
    assert listing.fields == {
        "stock_room_id": "",
        "unit_price": "0.1200",
        "sale_rate": 0,
        "tiers": "50:0.1100 100:0.1000 0:0.0000",
        "bulk": 1,
        "description": "light scratches (see photo)",
        "remarks": "A1-03",
        "my_cost": "0.0400",
    }


OPTIONAL = sorted(SHOWN.keys() - {"inventory_id", "item", "quantity", "unit_price"})


@pytest.mark.parametrize("name", OPTIONAL)
def test_missing_and_null_fields_mean_the_same(name: str) -> None:
    without = {field: value for field, value in SHOWN.items() if field != name}

    assert listing_of(without) == listing_of({**SHOWN, name: None})


def test_unknown_and_read_only_fields_change_nothing() -> None:
    extra = {**SHOWN, "is_reserved": True, "unit_price_final": "0.1000", "my_weight": "9.0000", "new_field": [1]}

    assert listing_of(extra) == listing_of(SHOWN)


@pytest.mark.parametrize("spelling", ["category_id", "categoryID"])
def test_both_spellings_of_the_category_are_ignored(spelling: str) -> None:
    item = {"no": "3001", "name": "Brick", "type": "PART", spelling: 7}

    assert listing_of({**SHOWN, "item": item}) == listing_of(SHOWN)


@pytest.mark.parametrize(
    ("letter", "word"), [("C", "COMPLETE"), ("B", "INCOMPLETE"), ("S", "SEALED"), ("X", "SEALED"), ("?", "?")]
)
def test_completeness_of_a_set(letter: str, word: str) -> None:
    shown = {**SHOWN, "item": {"no": "75192-1", "type": "SET"}, "completeness": letter}

    assert listing_of(shown).item.completeness == word


def test_completeness_of_what_is_no_set_is_ignored() -> None:
    assert listing_of({**SHOWN, "completeness": "C"}).item == listing_of(SHOWN).item


def test_hidden_listing_without_a_letter_lies_in_the_default_stockroom() -> None:
    listing = listing_of({**SHOWN, "is_stock_room": True})

    assert (listing.for_sale, listing.fields["stock_room_id"]) == (False, "A")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "listing",
        {**SHOWN, "inventory_id": None},
        {**SHOWN, "quantity": None},
        {**SHOWN, "quantity": "many"},
        {**SHOWN, "unit_price": "cheap"},
        {**SHOWN, "item": None},
        {**SHOWN, "item": {"type": "PART"}},
        {**SHOWN, "item": {"no": "3001"}},
    ],
)
def test_what_is_no_listing_is_not_read_as_one(broken: object) -> None:
    with pytest.raises(UnreadableError):
        listing_of(broken)


# there and back -------------------------------------------------------------------------------------------------------

PRICES = st.integers(min_value=10, max_value=999_990_000).map(lambda n: money(str(Decimal(n).scaleb(-4))))
LOTS = st.builds(
    lot_pb2.Lot,
    item=st.sampled_from([ITEM, SET]),
    quantity=st.integers(min_value=1, max_value=9_999_999),
    unit_price=PRICES,
    sale_percent=st.integers(min_value=0, max_value=95),
    tiers=st.lists(st.builds(lot_pb2.Tier, quantity=st.integers(1, 1000), unit_price=PRICES), max_size=3),
    bulk=st.integers(min_value=0, max_value=100),
    cost=st.none() | PRICES,
    description=st.text(max_size=300),
    remarks=st.text(max_size=300),
    stockroom=st.sampled_from([lot_pb2.STOCKROOM_UNSPECIFIED, lot_pb2.STOCKROOM_A, lot_pb2.STOCKROOM_C]),
    retain=st.booleans(),
)


def as_the_shop_shows(body: Mapping[str, object]) -> dict[str, object]:
    escaped = {name: html.escape(text) for name, text in body.items() if name in ("description", "remarks")}  # type: ignore[arg-type]
    return {"inventory_id": 1, **body, **escaped}


@given(LOTS)
def test_what_was_created_reads_back_as_the_lot(wanted: lot_pb2.Lot) -> None:
    lot = lot_of(wanted)

    listing = listing_of(as_the_shop_shows(create_body(create(lot))))

    assert (listing.item, listing.quantity, listing.for_sale, listing.retain, listing.fields) == (
        lot.item,
        lot.quantity,
        lot.for_sale,
        lot.retain,
        lot.fields,
    )


@given(LOTS)
def test_the_lot_that_a_listing_makes_is_shown_as_that_listing(wanted: lot_pb2.Lot) -> None:
    """Else a lot that was taken in from the shop would be written there at once (rule S7)."""
    lot = lot_of(wanted)
    listing = listing_of(as_the_shop_shows(create_body(create(lot))))

    made, unmapped = lot_shown(listing, item_told(listing.item), lot_fields_of, currency_code="EUR")

    assert unmapped == ""
    assert lot_of(made) == lot
    compared = {"unit_price", "sale_percent", "tiers", "bulk", "cost", "description", "remarks", "stockroom", "retain"}
    assert set(fields_shown(listing, lot_fields_of, facts(5000))) == compared


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"is_stock_room": True, "stock_room_id": "Q"}, "stock_room_id"),
        ({"bulk": 2**40}, "bulk"),
        ({"sale_rate": 2**40}, "sale_rate"),
        ({"unit_price": "99999999999999999999.0000"}, "unit_price"),
        ({"tier_quantity1": 2**40}, "tiers"),
    ],
)
def test_what_no_lot_can_hold_is_named(odd: Mapping[str, object], field: str) -> None:
    listing = listing_of({**SHOWN, **odd})
    made, unmapped = lot_shown(listing, item_told(listing.item), lot_fields_of, currency_code="EUR")
    assert (unmapped, made.item.number) == (field, "3001")


@given(LOTS, LOTS)
def test_what_was_updated_reads_back_as_the_lot(before: lot_pb2.Lot, after: lot_pb2.Lot) -> None:
    """Every field that can change, from any state to any other."""
    old, new = lot_of(before), lot_of(after)
    new = replace(new, item=old.item)
    shown = as_the_shop_shows(create_body(create(old)))
    change = Update(
        listing_id=ListingId("1"),
        delta=new.quantity - old.quantity,
        fields=new.fields,
        for_sale=new.for_sale,
        retain=new.retain,
    )

    body = update_body(change)
    quantity = old.quantity + int(str(body.pop("quantity", "+0")))
    listing = listing_of({**shown, **as_the_shop_shows(body), "quantity": quantity})

    assert (listing.quantity, listing.for_sale, listing.retain, listing.fields) == (
        new.quantity,
        new.for_sale,
        new.retain,
        new.fields,
    )


# facts ----------------------------------------------------------------------------------------------------------------


def test_facts_name_every_field_of_lots_and_listings() -> None:
    assert lot_of(lot()).fields.keys() == listing_of(SHOWN).fields.keys() == LOT_FIELDS.keys()


def test_facts_of_bricklink() -> None:
    known = facts(5000)

    assert known.groups["stock_room_id"] is Group.QUANTITY
    assert known.repeated_fields == {"description"}
    assert known.order_pages == ("open", "filed")
    assert (known.limit.calls, known.limit.window.total_seconds()) == (5000, 86_400)


def test_the_stockroom_that_hiding_chose_is_nobodys_change() -> None:
    """An archived lot with pieces that were put back is hidden where no stockroom was named (life 197)."""
    before, hidden = listing_of(SHOWN), listing_of({**SHOWN, "is_stock_room": True, "stock_room_id": "A"})
    row = replace(lot_row("lot"), shown=shown_values(before), sent=dict(before.fields))
    ours = noticed(row, hidden, facts(5000), but=written_fields(update(for_sale=False)))
    assert ours.conflicts == {}
    theirs = noticed(row, hidden, facts(5000), but=written_fields(update()))
    assert theirs.conflicts.keys() == {"for_sale"}
