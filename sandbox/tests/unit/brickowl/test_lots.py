"""What a shop does with lots: `marketplaces/brickowl.md` section 3, as tables."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sandbox.brickowl.catalog import Catalog
from sandbox.brickowl.errors import ShopError
from sandbox.brickowl.filters import LotFilter
from sandbox.model.orders import Wanted

from .conftest import MakeShop
from .samples import BRICK, NOW, ask, lot_params, with_lots


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"boid": None}, 400, "Missing parameter boid"),
        ({"boid": "1"}, 404, "Invalid BOID"),
        ({"color_id": None}, 400, "Missing parameter color_id"),
        ({"color_id": "9999"}, 400, "Invalid color_id"),
        ({"color_id": "red"}, 400, "Invalid color_id"),
        ({"quantity": None}, 400, "Missing parameter quantity"),
        ({"quantity": "0"}, 400, "Invalid quantity"),
        ({"quantity": "-1"}, 400, "Invalid quantity"),
        ({"quantity": "1.5"}, 400, "Invalid quantity"),
        ({"price": None}, 400, "Missing parameter price"),
        ({"price": "0"}, 400, "Invalid price"),
        ({"price": "0.0004"}, 400, "Invalid price"),
        ({"price": "cheap"}, 400, "Invalid price"),
        ({"price": "NaN"}, 400, "Invalid price"),
        ({"condition": None}, 400, "Missing parameter condition"),
        ({"condition": "New"}, 400, "Used (Like New)"),
        ({"condition": "news"}, 400, "Invalid condition: not for Part"),
    ],
)
def test_a_create_that_breaks_a_rule_is_refused_and_makes_nothing(
    make_shop: MakeShop, changes: dict[str, str | None], code: int, said: str
) -> None:
    shop = make_shop()
    with pytest.raises(ShopError) as refused:
        shop.create_lot(lot_params(**changes))
    assert refused.value.code == code
    assert said in refused.value.description
    assert shop.lots == {}


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "boid", f"{BRICK}-81"),
        ({"boid": f"{BRICK}-38", "color_id": None}, "color_name", "Black"),
        ({"price": "0.12345"}, "base_price", Decimal("0.123")),
        ({"price": "0.1235"}, "base_price", Decimal("0.124")),
        ({"external_id": None}, "external_id", ""),
        ({"condition": "useda"}, "condition", "useda"),
        ({"public_note": "ignored", "for_sale": "0"}, "public_note", ""),
    ],
)
def test_a_create_keeps_what_it_was_given(
    make_shop: MakeShop, changes: dict[str, str | None], field: str, value: object
) -> None:
    assert getattr(make_shop().create_lot(lot_params(**changes)), field) == value


@pytest.mark.parametrize(
    ("item_type", "number", "condition", "color", "fits"),
    [
        ("Set", "75192-1", "news", None, True),
        ("Set", "75192-1", "usedi", None, True),
        ("Set", "75192-1", "new", None, False),
        ("Set", "75192-1", "news", "81", False),
        ("Minifigure", "sw0001a", "usedg", None, True),
        ("Minifigure", "sw0001a", "newc", None, False),
        ("Gear", "853913", "other", None, True),
        ("Gear", "853913", "newi", "81", True),
        ("Instructions", "75192-1", "usedn", None, True),
    ],
)
def test_conditions_and_colours_depend_on_the_type(
    make_shop: MakeShop, catalog: Catalog, item_type: str, number: str, condition: str, color: str | None, fits: bool
) -> None:
    (boid,) = catalog.lookup(number, item_type, "bl_item_no")
    params = lot_params(boid=boid, condition=condition, color_id=color)
    if fits:
        assert make_shop().create_lot(params).item.item_type == item_type
    else:
        with pytest.raises(ShopError, match="400"):
            make_shop().create_lot(params)


def test_fields_of_an_update_can_come_with_a_create(make_shop: MakeShop) -> None:
    lot = make_shop(create_extra="apply").create_lot(lot_params(public_note="scratched", bulk_qty="5"))
    assert (lot.public_note, lot.bulk_qty) == ("scratched", 5)


@pytest.mark.parametrize(("equal_lots", "quantities"), [("apart", [40, 40]), ("merge", [80])])
def test_equal_creates(make_shop: MakeShop, equal_lots: str, quantities: list[int]) -> None:
    shop = make_shop(equal_lots=equal_lots)
    for number in (1, 2):
        shop.create_lot(lot_params(external_id=f"lot-{number}"))
    assert [lot.quantity for lot in shop.lots.values()] == quantities


@pytest.mark.parametrize(
    ("params", "switches", "left"),
    [
        ({"absolute_quantity": "7"}, {}, 7),
        ({"absolute_quantity": "0"}, {}, 0),
        ({"absolute_quantity": "-1"}, {}, "Invalid absolute_quantity"),
        ({"relative_quantity": "-3"}, {}, 37),
        ({"relative_quantity": "+5"}, {}, 45),
        ({"relative_quantity": "-40"}, {}, 0),
        ({"relative_quantity": "-41"}, {}, "Invalid relative_quantity: below zero"),
        ({"relative_quantity": "-41"}, {"below_zero": "clamp"}, 0),
        ({"relative_quantity": "some"}, {}, "Invalid relative_quantity"),
        ({"absolute_quantity": "7", "relative_quantity": "-3"}, {}, "Invalid relative_quantity: only one"),
        ({"absolute_quantity": "7", "relative_quantity": "-3"}, {"both_quantities": "absolute"}, 7),
        ({"absolute_quantity": "7", "relative_quantity": "-3"}, {"both_quantities": "relative"}, 37),
    ],
)
def test_quantities(make_shop: MakeShop, params: dict[str, str], switches: dict[str, Any], left: int | str) -> None:
    """`left` is the quantity afterwards, of a lot that stays also at zero, or why the update is refused."""
    shop = make_shop(**switches)
    lot_id = shop.create_lot(lot_params()).lot_id
    if isinstance(left, str):
        with pytest.raises(ShopError, match="400") as refused:
            shop.update_lot({"lot_id": str(lot_id), **params})
        assert left in refused.value.description
        assert shop.lots[lot_id].quantity == 40
    else:
        shop.update_lot({"lot_id": str(lot_id), **params})
        assert shop.lots[lot_id].quantity == left


@pytest.mark.parametrize(
    ("params", "switches", "field", "value"),
    [
        ({"price": "0.9"}, {}, "base_price", Decimal("0.900")),
        ({"sale_percent": "-95"}, {}, "sale_percent", -95),
        ({"sale_percent": "96"}, {}, "sale_percent", None),
        ({"sales_percent": "10"}, {}, "sale_percent", 0),
        ({"for_sale": "0"}, {}, "for_sale", False),
        ({"for_sale": "no"}, {}, "for_sale", None),
        ({"my_cost": "0.05"}, {}, "my_cost", Decimal("0.050")),
        ({"my_cost": "0"}, {}, "my_cost", None),
        ({"lot_weight": "2.3204"}, {}, "lot_weight", Decimal("2.320")),
        ({"public_note": "it's (ok) & <b>"}, {}, "public_note", "it's (ok) & <b>"),
        ({"personal_note": ""}, {}, "personal_note", ""),
        ({"personal_note": ""}, {"empty_note": "ignore"}, "personal_note", "A1-03"),
        ({"public_note": "x" * 256}, {}, "public_note", None),
        ({"public_note": "x" * 256}, {"long_text": "cut"}, "public_note", "x" * 255),
        ({"public_note": "x" * 256}, {"text_limit": None}, "public_note", "x" * 256),
        ({"bulk_qty": "5"}, {}, "bulk_qty", 5),
        ({"bulk_qty": "1"}, {}, "bulk_qty", 1),
        ({"bulk_qty": "1"}, {"bulk_of_one": "refuse"}, "bulk_qty", None),
        ({"tier_price": "50:0.7,100:0.65"}, {}, "tiers", ((50, Decimal("0.700")), (100, Decimal("0.650")))),
        ({"tier_price": "remove"}, {}, "tiers", ()),
        ({"tier_price": "50:0.9"}, {}, "tiers", None),
        ({"tier_price": "50:0.9"}, {"tier_rule": "any"}, "tiers", ((50, Decimal("0.900")),)),
        ({"tier_price": "50:0.7,50:0.6"}, {}, "tiers", None),
        ({"tier_price": "5:0.7,6:0.6,7:0.5,8:0.4"}, {}, "tiers", None),
        ({"tier_price": "50"}, {}, "tiers", None),
        ({"condition": "usedg"}, {}, "condition", "usedg"),
        ({"condition": "usedc"}, {}, "condition", None),
        ({"update_external_id_1": "lot-1-2"}, {}, "external_id", "lot-1-2"),
        ({"update_external_id_1": "123456"}, {"external_id_limit": 5}, "external_id", None),
        ({"color_id": "38"}, {}, "color_id", 81),
        ({"color_id": "38"}, {"update_color": "recolor"}, "color_id", 38),
        ({"external_id": "other"}, {}, "external_id", None),
        ({"external_id": "other"}, {"both_identifiers": "tag"}, "external_id", "other"),
    ],
)
def test_a_field_is_changed_or_refused(
    make_shop: MakeShop, params: dict[str, str], switches: dict[str, Any], field: str, value: object
) -> None:
    """`value` is None where the update is refused; the lot is then as it was."""
    shop = make_shop(**switches)
    (lot_id,) = with_lots(shop, 40, personal_note="A1-03")
    before = shop.lots[lot_id]
    if value is None:
        with pytest.raises(ShopError, match="400"):
            shop.update_lot({"lot_id": str(lot_id), **params})
        assert shop.lots[lot_id] == before
    else:
        shop.update_lot({"lot_id": str(lot_id), **params})
        assert getattr(shop.lots[lot_id], field) == value


def test_an_update_names_one_lot_and_changes_something(make_shop: MakeShop) -> None:
    shop = make_shop()
    lot_id = shop.create_lot(lot_params()).lot_id
    assert shop.update_lot({"external_id": "lot-1", "price": "0.9"}).lot_id == lot_id
    for params in ({"price": "0.9"}, {"lot_id": str(lot_id)}, {"lot_id": "1", "price": "1"}, {"external_id": "x"}):
        with pytest.raises(ShopError, match="400"):
            shop.update_lot(params)


@pytest.mark.parametrize(("shared", "changed"), [("first", [True, False]), ("refuse", [False, False])])
def test_an_external_id_of_two_lots(make_shop: MakeShop, shared: str, changed: list[bool]) -> None:
    shop = make_shop(shared_external_id=shared)
    with_lots(shop, 1, 2)
    if shared == "refuse":
        with pytest.raises(ShopError, match="not unique"):
            shop.update_lot({"external_id": "lot-1", "for_sale": "0"})
    else:
        shop.update_lot({"external_id": "lot-1", "for_sale": "0"})
    assert [not lot.for_sale for lot in shop.lots.values()] == changed


def test_external_ids_can_be_made_unique(make_shop: MakeShop) -> None:
    shop = make_shop(unique_external_ids=True)
    lot_id = shop.create_lot(lot_params()).lot_id
    with pytest.raises(ShopError, match="not unique"):
        shop.create_lot(lot_params())
    shop.create_lot(lot_params(external_id=None))
    shop.create_lot(lot_params(external_id=None))
    assert shop.update_lot({"lot_id": str(lot_id), "price": "1"}).external_id == "lot-1"


@pytest.mark.parametrize("retired", [BRICK, f"{BRICK}-81"])
def test_a_retired_entry_blocks_create_and_update_but_no_delete(make_shop: MakeShop, retired: str) -> None:
    shop = make_shop(retired_boids=(retired,))
    lot = make_shop().create_lot(lot_params())
    shop.lots[lot.lot_id] = lot
    with pytest.raises(ShopError, match="scheduled for deletion"):
        shop.create_lot(lot_params())
    with pytest.raises(ShopError, match="scheduled for deletion"):
        shop.update_lot({"lot_id": str(lot.lot_id), "price": "1"})
    shop.remove_lot({"lot_id": str(lot.lot_id)})
    assert shop.lots == {}


@pytest.mark.parametrize("code", [400, 404])
def test_a_second_delete_finds_nothing(make_shop: MakeShop, code: int) -> None:
    shop = make_shop(unknown_id_code=code)
    shop.create_lot(lot_params())
    shop.remove_lot({"external_id": "lot-1"})
    with pytest.raises(ShopError, match=f"{code} Lot not found"):
        shop.remove_lot({"external_id": "lot-1"})


@pytest.mark.parametrize(
    ("query", "switches", "found"),
    [
        ({}, {}, "active set"),
        ({"active_only": "1"}, {}, "active set"),
        ({"active_only": "0"}, {}, "active hidden empty set"),
        ({"type": "Set"}, {}, "set"),
        ({"external_id_1": "hidden", "active_only": "0"}, {}, "hidden"),
        ({"external_id_1": "hidden"}, {}, ""),
        ({"external_id_1": "hidden"}, {"active_only_for_one": False}, "hidden"),
        ({"lot_id": "70000001"}, {}, "active"),
        ({"lot_id": "1"}, {}, ""),
    ],
)
def test_what_a_list_holds(
    make_shop: MakeShop, catalog: Catalog, query: dict[str, str], switches: dict[str, Any], found: str
) -> None:
    shop = make_shop(**switches)
    with_lots(shop, 40, external_id="active")
    with_lots(shop, 40, external_id="hidden", for_sale="0")
    with_lots(shop, 0, external_id="empty")
    (boid,) = catalog.lookup("75192-1", "Set", "set_number")
    shop.create_lot(lot_params(boid=boid, color_id=None, condition="news", external_id="set"))
    assert " ".join(lot.external_id for lot in shop.list_lots(LotFilter.of(query), NOW)) == found


def test_one_that_is_not_there_can_be_an_error(make_shop: MakeShop) -> None:
    shop = make_shop(empty_hit="error")
    assert shop.list_lots(LotFilter.of({}), NOW) == []
    with pytest.raises(ShopError, match="Lot not found"):
        shop.list_lots(LotFilter.of({"lot_id": "1"}), NOW)


@pytest.mark.parametrize("query", [{"type": "Brick"}, {"active_only": "yes"}, {"lot_id": "one"}])
def test_a_query_that_makes_no_sense_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ShopError, match="400 Invalid"):
        LotFilter.of(query)


def test_a_list_may_be_cached(make_shop: MakeShop) -> None:
    shop = make_shop(list_cache_seconds=10)
    with_lots(shop, 1)
    listed = [len(shop.list_lots(LotFilter(), NOW))]
    with_lots(shop, 1)
    listed += [len(shop.list_lots(LotFilter(), NOW + timedelta(seconds=seconds))) for seconds in (9, 10)]
    assert listed == [1, 1, 2]


@pytest.mark.parametrize(("sold_out", "left"), [("keep", 0), ("remove", None)])
def test_a_lot_that_sells_out(make_shop: MakeShop, sold_out: str, left: int | None) -> None:
    shop = make_shop(sold_out=sold_out)
    (lot_id,) = with_lots(shop, 5)
    shop.place_order([Wanted(lot_id, 5)], NOW)
    assert (shop.lots[lot_id].quantity if lot_id in shop.lots else None) == left


def test_the_seller_edits_what_the_api_cannot(make_shop: MakeShop) -> None:
    shop = make_shop()
    (lot_id,) = with_lots(shop, 5)
    lot = shop.edit_lot(lot_id, {"quantity": 7, "color_id": 38, "external_id": "mine", "reserve_uid": 12, "price": 2})
    assert (lot.quantity, lot.boid, lot.external_id, lot.reserve_uid) == (7, f"{BRICK}-38", "mine", 12)
    assert lot.base_price == Decimal("2.000")
    assert shop.edit_lot(lot_id, {"reserve_uid": 0}).reserve_uid is None


def test_a_key_may_lack_a_right(make_shop: MakeShop) -> None:
    shop = make_shop(missing_rights=("inventory",))
    with pytest.raises(ShopError, match="403"):
        ask(shop, "GET", "inventory/list")
    assert ask(shop, "GET", "order/list") == []
