"""A seller's first hour with both shops: the same stock in each, but for what differs, and what was sent for that.

Each differing lot differs in one thing, by its place; what is not named here is the same in both, as far as Brick Owl
shows it: prices with three decimals, no retaining.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from product.lots import Json
from product.owl import OwlShop, known_numbers
from product.seller import Seller
from product.waiting import PATIENCE, until
from sandbox.brickowl.catalog import Catalog
from sandbox.testing import AnyShopControl

QUANTITY, PRICE, REMARKS, ONLY_BRICKLINK, ONLY_BRICKOWL, SAME = (
    "quantity",
    "price",
    "remarks",
    "bricklink",
    "owl",
    "same",
)
KINDS = (QUANTITY, PRICE, REMARKS, ONLY_BRICKLINK, ONLY_BRICKOWL)
COLORS = (1, 5, 7, 11)
PIECES, FEWER = 10, 7


@dataclass(slots=True)
class FirstHour:
    """What stands in both shops; listing ids by the lot's place."""

    kinds: Sequence[str]
    """What differs of each place."""
    bricklink: dict[int, int] = field(default_factory=dict)
    owl: dict[int, int] = field(default_factory=dict)

    def places(self, kind: str) -> list[int]:
        """The lots that differ so."""
        return [place for place, its in enumerate(self.kinds) if its == kind]


async def stocked(seller: Seller, owl: OwlShop, *, same: int, each: Mapping[str, int]) -> FirstHour:
    """Put lots into both shops: so many that are the same, and of each kind so many that are not."""
    kinds = [SAME] * same + [kind for kind in KINDS for _ in range(each[kind])]
    hour, catalog = FirstHour(kinds), Catalog.shipped()
    colors = {int(one): color.color_id for color in catalog.colors.values() for one in color.bricklink_ids}
    numbers = known_numbers(catalog, -(-len(kinds) // len(COLORS)))
    for place, kind in enumerate(kinds):
        number, boid = numbers[place // len(COLORS)]
        color_id, price = COLORS[place % len(COLORS)], Decimal("0.1004") + place % 800 * Decimal("0.0010")
        if kind != ONLY_BRICKOWL:
            made = await seller.shop.add_lot(
                item={"no": number, "type": "PART"},
                color_id=color_id,
                new_or_used="N",
                quantity=PIECES,
                unit_price=f"{price:.4f}",
                remarks=f"C{place}",
                is_retain=place % 2 == 0,
            )
            hour.bricklink[place] = made["inventory_id"]
        if kind != ONLY_BRICKLINK:
            made = await owl.control.add_lot(
                boid=boid,
                color_id=colors[color_id],
                condition="new",
                quantity=FEWER if kind == QUANTITY else PIECES,
                price=str((price * 2 if kind == PRICE else price).quantize(Decimal("0.001"), ROUND_HALF_UP)),
                personal_note=f"other {place}" if kind == REMARKS else f"C{place}",
            )
            hour.owl[place] = made["lot_id"]
    return hour


async def previewed(seller: Seller, marketplace: str, *, patience: float = PATIENCE) -> tuple[str, Json]:
    """The path of a preview of all that a shop lists and no lot owns, once it is judged, and what it tells."""
    connection = f"/v1/connections/{marketplace}"
    await until(
        lambda: seller.told("GET", connection), lambda found: found["sync"]["progress"] is None, timeout=patience
    )
    answer = await seller.ask("POST", f"{connection}/import")
    assert answer.status_code == 202, answer.text
    path = answer.headers["Location"]
    found = await until(
        lambda: seller.told("GET", path), lambda found: found["state"] == "preview", timeout=patience
    )  # fmt: skip
    return path, found


async def confirmed(seller: Seller, path: str, *, patience: float = PATIENCE, **said: Json) -> Json:
    """The import, once all its rows are what was said."""
    await seller.told("POST", f"{path}/confirm", json=said)
    return await until(lambda: seller.told("GET", path), lambda found: found["state"] == "done", timeout=patience)


async def planned(seller: Seller, marketplace: str, lots: int, *, patience: float = PATIENCE) -> Json:
    """The plan of a shop, once so many lots need calls."""
    path = f"/v1/connections/{marketplace}/plan"
    return await until(
        lambda: seller.told("GET", path), lambda plan: plan["total_lots"] == lots, timeout=patience
    )  # fmt: skip


async def written(control: AnyShopControl) -> list[Json]:
    """What each write to a shop asked for, those of one call one by one; retries would be seen as well."""
    requests = [one for one in await control.requests() if one["method"] != "GET"]
    bodies = [
        (one["path"], body)
        for one in requests
        if one["path"].strip("/") != "order/notify"
        for body in (one["body"] if isinstance(one["body"], list) else [one["body"] or {}])
    ]
    return [
        {"path": path, **(body["params"][0] if "params" in body else body)}
        for path, body in bodies
        if body.get("request_method") != "GET"  # Brick Owl's batches also read
    ]
