"""The lots with which the stories are told: prices with three places at most, which every shop takes as they are."""

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money

PARTS = ("3001", "3020", "3023", "3004")
COLORS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
"""By BrickLink's numbers; every marketplace's catalogue has these parts in these colours."""


def eur(thousandths: int) -> Money:
    """Make an amount."""
    return Money(currency_code="EUR", units=thousandths // 1000, nanos=thousandths % 1000 * 1_000_000)


def a_lot(quantity: int = 10, *, part: int = 0, **fields: object) -> lot_pb2.Lot:
    """Make a lot of new bricks; `part` picks one of 44 different items."""
    item = lot_pb2.Item(
        type=lot_pb2.ITEM_TYPE_PART,
        number=PARTS[part % len(PARTS)],
        color_id=COLORS[part // len(PARTS)],
        condition=lot_pb2.CONDITION_NEW,
    )
    return edited(lot_pb2.Lot(item=item, quantity=quantity, unit_price=eur(120), bulk=1), **fields)


def a_used_lot(quantity: int = 10, **fields: object) -> lot_pb2.Lot:
    """Make a lot of used bricks of a good grade."""
    lot = a_lot(quantity, used_grade=lot_pb2.USED_GRADE_GOOD)
    lot.item.condition = lot_pb2.CONDITION_USED
    return edited(lot, **fields)


def a_set(**fields: object) -> lot_pb2.Lot:
    """Make a lot of a set."""
    item = lot_pb2.Item(
        type=lot_pb2.ITEM_TYPE_SET,
        number="6080-1",
        condition=lot_pb2.CONDITION_USED,
        completeness=lot_pb2.COMPLETENESS_COMPLETE,
    )
    return edited(lot_pb2.Lot(item=item, quantity=1, unit_price=eur(120_000), bulk=1), **fields)


def edited(lot: lot_pb2.Lot, **fields: object) -> lot_pb2.Lot:
    """Return a copy with other fields; None leaves one empty."""
    new = lot_pb2.Lot()
    new.CopyFrom(lot)
    for name in fields:
        new.ClearField(name)  # type: ignore[arg-type]
    new.MergeFrom(lot_pb2.Lot(**fields))  # type: ignore[arg-type]
    return new


def tier(quantity: int, thousandths: int) -> lot_pb2.Tier:
    """Make a tier."""
    return lot_pb2.Tier(quantity=quantity, unit_price=eur(thousandths))


FULL = a_used_lot(
    unit_price=eur(250),
    sale_percent=10,
    tiers=[tier(10, 200), tier(50, 150)],
    bulk=2,
    cost=eur(50),
    description="bright as new",
    remarks="box A1",
    weight_grams="1.25",
)
"""With all that a lot for sale can have."""
VALUES: dict[str, tuple[object, object]] = {
    "unit_price": (eur(300), eur(260)),
    "sale_percent": (25, 0),
    "tiers": ([tier(20, 240)], []),
    "bulk": (4, 1),
    "cost": (eur(75), eur(60)),
    "description": ("washed", ""),
    "remarks": ("box B2", ""),
    "stockroom": (lot_pb2.STOCKROOM_B, lot_pb2.STOCKROOM_UNSPECIFIED),
    "retain": (True, False),
    "used_grade": (lot_pb2.USED_GRADE_LIKE_NEW, lot_pb2.USED_GRADE_ACCEPTABLE),
    "weight_grams": ("2.5", "3.75"),
}
"""What each field of `FULL` becomes, one value after the other."""
