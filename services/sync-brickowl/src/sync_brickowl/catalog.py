"""Items in Brick Owl's terms: BOIDs by look-up, colours by a table, conditions by code (marketplaces/brickowl.md#5).

The table is of both marketplaces' own colour lists, BrickLink's id to Brick Owl's; a colour that it lacks is unknown.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from brickops.inventory.v1 import lot_pb2
from syncengine.listing import CatalogEntry, Item
from syncengine.service.reading import UnreadableError, shown_object

BOID = "BOID"
"""What numbers items here; whether one is a part or a set, the number says already."""
UNKNOWN_COLOR = -1
"""No listing has it."""

COLORS: Mapping[int, int] = {
    int(row["bricklink_id"]): int(row["brickowl_id"])
    for row in csv.DictReader(files("sync_brickowl").joinpath("colors.csv").read_text("utf-8").splitlines())
}

_COLORS_BACK = {there: here for here, there in COLORS.items()}
NO_COMPLETENESS = lot_pb2.COMPLETENESS_UNSPECIFIED
CONDITIONS: Mapping[str, tuple["lot_pb2.Condition.ValueType", "lot_pb2.Completeness.ValueType"]] = {
    "new": (lot_pb2.CONDITION_NEW, NO_COMPLETENESS),
    "used": (lot_pb2.CONDITION_USED, NO_COMPLETENESS),
    "news": (lot_pb2.CONDITION_NEW, lot_pb2.COMPLETENESS_SEALED),
    "newc": (lot_pb2.CONDITION_NEW, lot_pb2.COMPLETENESS_COMPLETE),
    "newi": (lot_pb2.CONDITION_NEW, lot_pb2.COMPLETENESS_INCOMPLETE),
    "usedc": (lot_pb2.CONDITION_USED, lot_pb2.COMPLETENESS_COMPLETE),
    "usedi": (lot_pb2.CONDITION_USED, lot_pb2.COMPLETENESS_INCOMPLETE),
}
"""By code, the grade of a used item aside."""

_TYPES: Mapping[str, tuple[str, ...]] = {
    # where it is not found as the first, it may be the second
    "PART": ("Part", "Minibuild"),
    "SET": ("Set", "Gear"),
    "MINIFIG": ("Minifigure", "Minibuild"),
    "GEAR": ("Gear",),
    "INSTRUCTION": ("Instructions",),
    "ORIGINAL_BOX": ("Packaging",),
}
_STICKERS = ("Sticker", "Part")
_OUR_NUMBERS = ("bl_item_no", "set_number", "design_id", "ldraw")
_MOST_HINTS = 3
MOST_TYPES = 2
"""Of one entry."""
_COLORLESS = frozenset({"Set", "Minifigure", "Sticker", "Instructions", "Packaging"})
_BOID = re.compile(r"([0-9]{1,100})(?:-([0-9]{1,9}))?")


def types_of(entry: CatalogEntry) -> tuple[str, ...]:
    """List what an item of inventory's may be here, likeliest first; books, catalogues, unsorted lots: nothing."""
    return _STICKERS if entry.item_type == "PART" and "stk" in entry.number else _TYPES.get(entry.item_type, ())


def read_boid(text: str) -> tuple[str, int | None] | None:
    """Read a BOID and the colour behind it, if there is one; None if it is none."""
    match = _BOID.fullmatch(text)
    return None if match is None else (match[1], None if match[2] is None else int(match[2]))


def entry_named(text: str) -> CatalogEntry | None:
    """Read what a person says an item is here: a BOID, with the colour where the lot's own says another, or none."""
    read = read_boid(text.strip())
    return None if read is None else CatalogEntry(item_type=BOID, number=read[0], color_id=read[1])


def entry_text(entry: CatalogEntry) -> str:
    """Write an entry of Brick Owl's as a person may say it."""
    return entry.number if entry.color_id is None else f"{entry.number}-{entry.color_id}"


def boids_found(raw: object) -> frozenset[str]:
    """Read the answer of `catalog/id_lookup`: BOIDs with and without colours, in no order (marketplaces/brickowl.md#5).

    Returns them without colours.
    """
    boids = shown_object(raw, "look-up").get("boids")
    if not isinstance(boids, list):
        raise UnreadableError("boids")
    read = [read_boid(boid) if isinstance(boid, str) else None for boid in boids]
    if None in read:
        raise UnreadableError("boid")
    return frozenset(boid[0] for boid in read if boid is not None)


def counterparts(found: Sequence[tuple[str, frozenset[str]]]) -> Sequence[CatalogEntry]:
    """List what was found for the likeliest type that has anything; of several a person says which.

    Of several of one type the answer says neither an order nor anything else (marketplaces/brickowl.md#5), and a wrong
    part sold is worse than one not listed, so none is chosen.
    """
    for item_type, boids in found:
        if boids:
            color_id = 0 if item_type in _COLORLESS else None
            return [
                CatalogEntry(item_type=BOID, number=boid, color_id=color_id)
                for boid in sorted(boids, key=lambda boid: (len(boid), boid))
            ]
    return ()


def hints_of(item_type: object, ids: object) -> tuple[CatalogEntry, ...]:
    """Read what a listing may be of in BrickLink's terms, by its type and its ids of other catalogues (#2).

    Numbers of the right kind come before those that are often the same; what cannot be read is no hint.
    """
    types = [ours for ours, theirs in _TYPES.items() if item_type in theirs[:1]]
    if item_type == "Sticker":
        types = ["PART"]
    shown = [entry for entry in ids if isinstance(entry, dict)] if isinstance(ids, list) else []
    numbers = [
        number
        for kind in _OUR_NUMBERS
        for entry in shown
        if entry.get("type") == kind and isinstance(number := entry.get("id"), str) and number
    ]
    if item_type == "Minibuild":
        types = ["PART", "MINIFIG"]
    entries = [CatalogEntry(item_type=ours, number=number) for number in numbers for ours in types]
    return tuple(dict.fromkeys(entries))[:_MOST_HINTS]


def item_here(item: Item, entry: CatalogEntry) -> lot_pb2.Item | None:
    """Put an item into inventory's terms, of which entry it is; None for a condition or colour that no lot has."""
    name, condition = f"ITEM_TYPE_{entry.item_type}", CONDITIONS.get(item.condition)
    color_id = _COLORS_BACK.get(item.color_id)
    if condition is None or color_id is None or (condition[1] != NO_COMPLETENESS) != (entry.item_type == "SET"):
        return None
    return lot_pb2.Item(
        type=lot_pb2.ItemType.Value(name),
        number=entry.number,
        color_id=color_id,
        condition=condition[0],
        completeness=condition[1],
    )
