"""The catalogue (`marketplaces/brickowl.md` section 5): tables, what is made up, and what is missing."""

from typing import Any

import pytest

from sandbox.brickowl.catalog import TYPES, Catalog
from sandbox.brickowl.errors import ShopError
from sandbox.catalog import Catalog as BrickLinkCatalog

from .conftest import MakeShop
from .samples import BRICK, ask


@pytest.mark.parametrize(
    ("number", "item_type", "id_type", "boids"),
    [
        ("3001", "Part", "bl_item_no", [BRICK]),
        ("3001", "Part", None, [BRICK]),
        ("4073", "Part", "bl_item_no", ["961948"]),
        ("3003", "Part", "bl_item_no", ["3003", "939628"]),
        ("2453B", "Part", "bl_item_no", ["407886"]),
        ("3001", "Minifigure", "bl_item_no", []),
        ("3001", "Part", "upc", []),
        (f"{BRICK}-81", "Part", "boid", [BRICK]),
        ("75192-1", "Part", "bl_item_no", []),
        ("", "Part", "bl_item_no", []),
        ("größe", "Part", "bl_item_no", []),
        ("x" * 51, "Part", "bl_item_no", []),
    ],
)
def test_an_id_means_so_many_boids(
    catalog: Catalog, number: str, item_type: str, id_type: str | None, boids: list[str]
) -> None:
    assert catalog.lookup(number, item_type, id_type) == boids


@pytest.mark.parametrize(
    ("item_type", "number"),
    [("Part", "98138pb999"), ("Set", "75192-1"), ("Minifigure", "sw0001a"), ("Sticker", "75192stk01"),
     ("Instructions", "75192-1"), ("Packaging", "6080-1"), ("Gear", "853913"), ("Part", "0-.x_1")],
)  # fmt: skip
def test_what_no_table_has_is_made_up_and_found_again(catalog: Catalog, item_type: str, number: str) -> None:
    (boid,) = catalog.lookup(number, item_type, "bl_item_no")
    item = catalog.find(boid)
    assert item is not None
    assert boid.isdecimal()
    assert (item.item_type, (number, "bl_item_no") in item.ids) == (item_type, True)


def test_no_two_things_share_a_boid(catalog: Catalog) -> None:
    numbers = [f"{base}{suffix}" for base in range(3000, 3400) for suffix in ("", "a", "pb01", "-1")]
    made = [
        boid for item_type in TYPES for number in numbers for boid in catalog.lookup(number, item_type, "bl_item_no")
    ]
    shared = {boid for boids in catalog.boids.values() for boid in boids}
    assert len({boid for boid in made if boid not in shared}) == len([boid for boid in made if boid not in shared])


def test_some_parts_are_missing_and_half_of_them_are_minibuilds(catalog: Catalog) -> None:
    numbers = [f"{number}pb77" for number in range(3000, 4000)]
    missing = [number for number in numbers if not catalog.lookup(number, "Part", "bl_item_no")]
    minibuilds = [number for number in missing if catalog.lookup(number, "Minibuild", "bl_item_no")]
    assert 20 < len(missing) < 100
    assert 0.25 < len(minibuilds) / len(missing) < 0.75


@pytest.mark.parametrize(
    "boid", ["", "1", "90", "9000000000000000", "9800000000000001", "9000000000000000041", "90000000000000" + "9" * 90]
)
def test_a_boid_that_means_nothing(catalog: Catalog, boid: str) -> None:
    assert catalog.find(boid) is None


def test_every_part_that_bricklinks_sandbox_has_is_known_and_most_colours_have_a_counterpart(catalog: Catalog) -> None:
    bricklink = BrickLinkCatalog.shipped()
    assert all(catalog.lookup(number, "Part", "bl_item_no") for number in bricklink.part_names)
    counterparts = {number for color in catalog.colors.values() for number in color.bricklink_ids}
    assert {number for number in map(str, bricklink.colors) if number not in counterparts} >= {"165", "243"}
    assert catalog.colors[38].bricklink_ids == ("11",)


@pytest.mark.parametrize(
    ("switches", "boids"),
    [({}, [BRICK]), ({"lookup_form": "with_colors"}, [f"{BRICK}-2", f"{BRICK}-3", f"{BRICK}-4", BRICK])],
)
def test_id_lookup(make_shop: MakeShop, switches: dict[str, Any], boids: list[str]) -> None:
    shop = make_shop(**switches)
    query = {"id": "3001", "type": "Part", "id_type": "bl_item_no"}
    found = ask(shop, "GET", "catalog/id_lookup", **query)["boids"]
    assert (len(found), found[-1], {boid.partition("-")[0] for boid in found}) == (len(boids), BRICK, {BRICK})
    assert ask(shop, "GET", "catalog/id_lookup", **query | {"id": "nothing at all"}) == {"boids": []}
    for wrong in ({"id": "3001"}, {"id": "3001", "type": "Brick"}):
        with pytest.raises(ShopError, match="400"):
            ask(shop, "GET", "catalog/id_lookup", **wrong)


def test_lookups(make_shop: MakeShop) -> None:
    shop = make_shop()
    entry = ask(shop, "GET", "catalog/lookup", boid=f"{BRICK}-81")
    assert (entry["name"], entry["type"], entry["color_id"]) == ("Brick 2 x 4", "Part", "81")
    assert {"id": "3001", "type": "bl_item_no"} in entry["ids"]
    wrong = [ask(shop, "GET", "catalog/lookup", boid=boid)["ids"] for boid in ("3003", "939628")]
    assert [{"id": "3003", "type": "bl_item_no"} in ids for ids in wrong] == [True, False]
    with pytest.raises(ShopError, match="404 Invalid BOID"):
        ask(shop, "GET", "catalog/lookup", boid=f"{BRICK}-9999")
    with pytest.raises(ShopError, match="400"):
        ask(shop, "GET", "catalog/bulk_lookup", boids=",".join(["1"] * 101))


@pytest.mark.parametrize("form", ["items", "keyed", "array"])
def test_several_lookups_at_once(make_shop: MakeShop, form: str) -> None:
    found = ask(make_shop(bulk_lookup_form=form), "GET", "catalog/bulk_lookup", boids=f"{BRICK},3003")
    entries = found if form == "array" else (found["items"] if form == "items" else found).values()
    assert [entry["boid"] for entry in entries] == [BRICK, "3003"]


def test_colours_and_conditions(make_shop: MakeShop) -> None:
    colors = ask(make_shop(), "GET", "catalog/color_list")
    assert colors["38"] | {"lego_colors": None} == {
        "id": "38",
        "name": "Black",
        "hex": colors["38"]["hex"],
        "peeron_names": [None],
        "ldraw_ids": ["0", "256"],
        "bl_ids": ["11"],
        "bl_names": ["Black"],
        "lego_colors": None,
    }
    assert len(ask(make_shop(), "GET", "catalog/condition_list")) == 10
