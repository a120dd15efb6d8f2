"""What a shop does with lots: `marketplaces/bricklink.md` section 3, as tables."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.filters import LotFilter
from sandbox.bricklink.shop import Shop
from sandbox.catalog import Catalog

from .conftest import MakeShop
from .samples import NOW, lot_body, tiers


def with_a_lot(shop: Shop, **changes: Any) -> int:
    """Put a lot into the shop; returns its id."""
    return shop.create_lot(lot_body(**changes), NOW).lot_id


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"is_retain": None}, "Parameter [is_retain] is missing"),
        ({"is_stock_room": None}, "Parameter [is_stock_room] is missing"),
        ({"description": None}, "String input must not be null"),
        ({"quantity": None}, "Parameter [quantity] is missing"),
        ({"unit_price": None}, "Parameter [unit_price] is missing"),
        ({"new_or_used": None}, "Parameter [new_or_used] is missing"),
        ({"color_id": None}, "Parameter [color_id] is missing"),
        ({"item": {"no": "3001"}}, "Parameter [item.type] is missing"),
        ({"item": {"type": "PART"}}, "Parameter [item.no] is missing"),
        ({"item": {"no": "3001", "type": "P"}}, "Unparseable value or field: item.type"),
        ({"item": {"no": "3001", "type": "part"}}, "Unparseable value or field: item.type"),
        ({"item": {"no": "3001", "type": "PART", "categoryID": 5}}, "Unparseable value or field: [item.categoryID.]"),
        ({"item": {"no": "75192", "type": "SET"}}, "Invalid item sequence number: null"),
        ({"item": {"no": "75192-1", "type": "SET"}}, "Parameter [completeness] is missing"),
        ({"colour": 5}, "Unparseable value or field: [colour.]"),
        ({"color_id": 9999}, "Parameter [color_id] is invalid"),
        ({"quantity": 0}, "Parameter [quantity] is invalid"),
        ({"quantity": -1}, "Parameter [quantity] is invalid"),
        ({"quantity": "many"}, "Unparseable value or field: quantity"),
        ({"quantity": True}, "Unparseable value or field: quantity"),
        ({"unit_price": "0"}, "Parameter [unit_price] is invalid"),
        ({"unit_price": "-1"}, "Parameter [unit_price] is invalid"),
        ({"unit_price": "cheap"}, "Unparseable value or field: unit_price"),
        ({"unit_price": "NaN"}, "Unparseable value or field: unit_price"),
        ({"bulk": 0}, "Parameter [bulk] is invalid"),
        ({"sale_rate": 100}, "Parameter [sale_rate] is invalid"),
        ({"is_retain": "yes"}, "Unparseable value or field: is_retain"),
        ({"is_stock_room": True, "stock_room_id": "D"}, "Unparseable value or field: stock_room_id"),
        ({"remarks": "x" * 256}, "Parameter [remarks] is longer than 255 characters"),
        ({"tier_quantity1": 50, "tier_price1": "0.1100"}, "Parameter [tier_quantity2] is missing"),
        (tiers(50, "0.1200", 0, "0", 0, "0"), "Parameter [tier_price1] is invalid"),
        (tiers(50, "0.1100", 50, "0.1000", 0, "0"), "Parameter [tier_quantity2] is invalid"),
        (tiers(50, "0.1100", 100, "0.1100", 0, "0"), "Parameter [tier_price2] is invalid"),
        (tiers(0, "0", 100, "0.1000", 0, "0"), "Parameter [tier_quantity2] is invalid"),
        (tiers(50, "0", 0, "0", 0, "0"), "Parameter [tier_price1] is invalid"),
    ],
)
def test_a_create_that_breaks_a_rule_is_refused_and_makes_nothing(
    make_shop: MakeShop, changes: dict[str, Any], description: str
) -> None:
    shop = make_shop()
    with pytest.raises(ShopError) as refused:
        shop.create_lot(lot_body(**changes), NOW)
    assert (refused.value.code, refused.value.message) == (400, "PARAMETER_MISSING_OR_INVALID")
    assert refused.value.description == description
    assert shop.lots == {}


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"unit_price": "0.12345"}, "unit_price", Decimal("0.1235")),
        ({"unit_price": Decimal("0.12001")}, "unit_price", Decimal("0.1201")),
        ({"unit_price": 0.123}, "unit_price", Decimal("0.1230")),
        ({"unit_price": 2}, "unit_price", Decimal("2.0000")),
        ({"my_cost": "0.04"}, "my_cost", Decimal("0.0400")),
        ({"is_stock_room": True}, "stock_room", "A"),
        ({"is_stock_room": True, "stock_room_id": "C"}, "stock_room", "C"),
        ({"stock_room_id": "C"}, "stock_room", None),
        ({"description": "a " * 127}, "description", "a " * 127),
        ({"inventory_id": 7}, "lot_id", 50_001_001),
        ({"item": {"no": "75192-1", "type": "SET"}, "completeness": "S"}, "completeness", "S"),
        ({"completeness": "C"}, "completeness", None),
        (
            tiers(50, "0.11", 100, "0.1", 0, "0"),
            "tiers",
            ((50, Decimal("0.1100")), (100, Decimal("0.1000")), (0, Decimal(0))),
        ),
    ],
)
def test_a_create_keeps_what_it_was_given(
    make_shop: MakeShop, changes: dict[str, Any], field: str, value: object
) -> None:
    assert getattr(make_shop().create_lot(lot_body(**changes), NOW), field) == value


def test_equal_creates_make_two_lots_and_ids_are_never_used_again(make_shop: MakeShop) -> None:
    shop = make_shop()
    first, second = with_a_lot(shop), with_a_lot(shop)
    shop.delete_lot(second)
    third = with_a_lot(shop)
    assert first < second < third


@pytest.mark.parametrize(
    ("sent", "switches", "left"),
    [
        ("+5", {}, 45),
        ("-3", {}, 37),
        (-3, {}, 37),
        (5, {}, 45),
        ("5", {}, 45),
        ("+0", {}, 40),
        (None, {}, 40),
        ("+5", {"signed_quantity_only": True}, 45),
        ("5", {"signed_quantity_only": True}, "Unparseable value or field: quantity"),
        (5, {"signed_quantity_only": True}, "Unparseable value or field: quantity"),
        (-5, {"signed_quantity_only": True}, "Unparseable value or field: quantity"),
        ("+-5", {}, "Unparseable value or field: quantity"),
        (True, {}, "Unparseable value or field: quantity"),
        ("-41", {}, "Parameter [quantity] would go below zero"),
        ("-41", {"below_zero": "clamp"}, None),
        ("-41", {"below_zero": "clamp", "reaching_zero": "keep"}, 0),
        ("-40", {}, None),
        ("-40", {"reaching_zero": "keep"}, 0),
        ("-40", {"reaching_zero": "refuse"}, "Parameter [quantity] would reach zero"),
    ],
)
def test_a_put_quantity_is_a_difference(
    make_shop: MakeShop, sent: object, switches: dict[str, Any], left: int | str | None
) -> None:
    """`left` is the quantity afterwards, None for a lot that is gone, or why the PUT is refused."""
    shop = make_shop(**switches)
    lot_id = with_a_lot(shop)
    body = {"quantity": sent, "description": ""}
    if isinstance(left, str):
        with pytest.raises(ShopError, match="400") as refused:
            shop.update_lot(lot_id, body)
        assert refused.value.description == left
        assert shop.get_lot(lot_id).quantity == 40
    else:
        answered = shop.update_lot(lot_id, body)
        assert answered.quantity == (left or 0)
        assert (shop.lots[lot_id].quantity if lot_id in shop.lots else None) == left


@pytest.mark.parametrize("retained_by", ["lot", "put"])
def test_a_retained_lot_stays_at_zero_and_comes_back(make_shop: MakeShop, retained_by: str) -> None:
    shop = make_shop()
    lot_id = with_a_lot(shop, is_retain=retained_by == "lot")
    shop.update_lot(lot_id, {"quantity": "-40", "description": "", "is_retain": True})
    assert shop.get_lot(lot_id).quantity == 0
    assert shop.update_lot(lot_id, {"quantity": "+2", "description": ""}).quantity == 2


def test_a_put_without_description_is_refused_and_with_one_overwrites(make_shop: MakeShop) -> None:
    shop = make_shop()
    lot_id = with_a_lot(shop, description="light scratches")
    for body in ({"quantity": "+1"}, {"quantity": "+1", "description": None}):
        with pytest.raises(ShopError, match="String input must not be null"):
            shop.update_lot(lot_id, body)
    assert shop.get_lot(lot_id).quantity == 40
    assert shop.update_lot(lot_id, {"description": ""}).description == ""


def test_a_put_changes_what_may_change_and_leaves_the_rest(make_shop: MakeShop) -> None:
    shop = make_shop()
    lot_id = with_a_lot(shop)
    body = {"description": "d", "remarks": "r", "unit_price": "0.20", "bulk": 2, "sale_rate": 10, "my_cost": "0.05"}
    lot = shop.update_lot(lot_id, {**body, "is_stock_room": True, "stock_room_id": "B", "is_retain": True})
    assert (lot.description, lot.remarks, lot.bulk, lot.sale_rate) == ("d", "r", 2, 10)
    assert (lot.unit_price, lot.my_cost) == (Decimal("0.2000"), Decimal("0.0500"))
    assert (lot.stock_room, lot.is_retain) == ("B", True)
    unchangeable = {"color_id": 1, "new_or_used": "N", "item": {"no": "3003", "type": "PART"}}
    after = shop.update_lot(lot_id, {"description": "d", "is_stock_room": False, **unchangeable})
    assert (after.color_id, after.condition, after.item.number) == (5, "U", "3001")
    assert after.stock_room is None
    with pytest.raises(ShopError, match=r"tier_price1"):
        shop.update_lot(lot_id, {"description": "d", **tiers(50, "0.2000", 0, "0", 0, "0")})


def test_a_second_delete_finds_nothing(make_shop: MakeShop) -> None:
    shop = make_shop()
    lot_id = with_a_lot(shop)
    shop.delete_lot(lot_id)
    with pytest.raises(ShopError, match="404 RESOURCE_NOT_FOUND"):
        shop.delete_lot(lot_id)


@pytest.mark.parametrize(
    ("switches", "refused", "landed"),
    [
        ({}, True, 0),
        ({"array_failure": "stop_at_first"}, True, 1),
        ({"array_failure": "skip_bad"}, False, 2),
        ({"array_limit": 2}, True, 0),
    ],
)
def test_an_array_with_a_bad_element(make_shop: MakeShop, switches: dict[str, Any], refused: bool, landed: int) -> None:
    shop = make_shop(**switches)
    bodies = [lot_body(), lot_body(quantity="many"), lot_body(remarks="third")]
    if refused:
        with pytest.raises(ShopError):
            shop.create_lots(bodies, NOW)
    else:
        shop.create_lots(bodies, NOW)
    assert len(shop.lots) == landed


@pytest.mark.parametrize(
    ("query", "remarks"),
    [
        ({}, "red black set A B reserved empty"),
        ({"status": "Y"}, "red black set"),
        ({"status": "y,s"}, "red black set A"),
        ({"status": "-Y"}, "A B reserved empty"),
        ({"status": "B,R"}, "B reserved"),
        ({"status": "N"}, "empty"),
        ({"item_type": "set"}, "set"),
        ({"item_type": "-SET", "status": "Y"}, "red black"),
        ({"color_id": "11"}, "black"),
        ({"color_id": "5,11", "status": "Y"}, "red black"),
        ({"color_id": "-5,-11"}, "set"),
        ({"color_id": "5,11,-11", "status": "Y"}, "red"),
        ({"category_id": "65"}, "set"),
        ({"category_id": "-65", "color_id": "-5"}, "black"),
    ],
)
def test_a_list_filter_includes_and_excludes(make_shop: MakeShop, query: dict[str, str], remarks: str) -> None:
    shop = make_shop()
    with_a_lot(shop, remarks="red")
    with_a_lot(shop, remarks="black", color_id=11)
    with_a_lot(shop, remarks="set", color_id=0, item={"no": "75192-1", "type": "SET"}, completeness="S")
    with_a_lot(shop, remarks="A", is_stock_room=True)
    with_a_lot(shop, remarks="B", is_stock_room=True, stock_room_id="B")
    shop.edit_lot(with_a_lot(shop, remarks="reserved"), {"reserved_for": "someone"})
    shop.edit_lot(with_a_lot(shop, remarks="empty", is_retain=True), {"quantity": 0})
    assert " ".join(lot.remarks for lot in shop.list_lots(LotFilter.of(query))) == remarks


def test_a_mixed_filter_can_forget_the_excluded(make_shop: MakeShop) -> None:
    shop = make_shop(mixed_filter="include_wins")
    with_a_lot(shop, color_id=11)
    assert len(shop.list_lots(LotFilter.of({"color_id": "5,11,-11"}))) == 1


@pytest.mark.parametrize("query", [{"status": "X"}, {"item_type": "BRICK"}, {"color_id": "red"}])
def test_an_unknown_filter_value_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ShopError, match="400"):
        LotFilter.of(query)


@pytest.mark.parametrize(
    ("switches", "status", "found"),
    [
        ({"store_closed": True}, "Y", 0),
        ({}, "Y", 1),
        ({"empty_retained_status": "Y"}, "Y", 2),
    ],
)
def test_switches_change_what_is_listed(make_shop: MakeShop, switches: dict[str, Any], status: str, found: int) -> None:
    shop = make_shop(**switches)
    with_a_lot(shop)
    shop.edit_lot(with_a_lot(shop), {"quantity": 0})
    assert len(shop.list_lots(LotFilter.of({"status": status}))) == found


@pytest.mark.parametrize(
    ("switches", "sent", "kept"),
    [
        ({}, "<b>new</b> & shiny", "<b>new</b> & shiny"),
        ({"markup": "strip"}, "<b>new</b> & shiny", "new & shiny"),
        ({"text_limit": 4, "long_text": "cut"}, "scratches", "scra"),
        ({"text_limit": None}, "x" * 900, "x" * 900),
    ],
)
def test_what_becomes_of_a_text(make_shop: MakeShop, switches: dict[str, Any], sent: str, kept: str) -> None:
    assert make_shop(**switches).create_lot(lot_body(description=sent), NOW).description == kept


def test_a_create_with_no_pieces_is_a_switch(make_shop: MakeShop) -> None:
    shop = make_shop(create_with_zero="accept")
    assert shop.get_lot(with_a_lot(shop, quantity=0)).quantity == 0


def test_the_seller_edits_what_the_api_cannot(make_shop: MakeShop) -> None:
    shop = make_shop()
    lot = shop.put_up_lot(lot_body(description=None, is_retain=None, is_stock_room=None), NOW)
    edited = shop.edit_lot(lot.lot_id, {"quantity": 7, "new_or_used": "N", "color_id": 11, "unit_price": 0.5})
    assert (edited.quantity, edited.condition, edited.color_name) == (7, "N", "Black")
    assert edited.unit_price == Decimal("0.5000")


def test_changes_tell_before_and_after_and_a_copy_stays_as_it_was(make_shop: MakeShop) -> None:
    shop = make_shop()
    lot_id = with_a_lot(shop)
    shop.take_changes()
    past = shop.copy()
    shop.update_lot(lot_id, {"quantity": "-4", "description": ""})
    shop.delete_lot(lot_id)
    change = shop.take_changes().lots[lot_id]
    assert (change.before and change.before.quantity, change.after) == (40, None)
    assert shop.take_changes().lots == {}
    assert past.get_lot(lot_id).quantity == 40


def test_the_catalogue_knows_colours_and_parts_and_makes_up_the_rest(catalog: Catalog) -> None:
    assert catalog.colors[11].name == "Black"
    assert catalog.item("PART", "3001").name == "Brick 2 x 4"
    assert catalog.item("PART", "made-up").name == "Part made-up"
