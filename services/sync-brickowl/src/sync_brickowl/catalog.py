"""Items in Brick Owl's terms: BOIDs by look-up, colours by a table, conditions by code (marketplaces/brickowl.md#5).

The table is of both marketplaces' own colour lists, BrickLink's id to Brick Owl's; a colour that it lacks is unknown.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from syncengine.listing import CatalogEntry
from syncengine.service.reading import UnreadableError, shown_object

BOID = "BOID"
"""What numbers items here; whether one is a part or a set, the number says already."""
UNKNOWN_COLOR = -1
"""No listing has it."""

COLORS: Mapping[int, int] = {
    int(row["bricklink_id"]): int(row["brickowl_id"])
    for row in csv.DictReader(files("sync_brickowl").joinpath("colors.csv").read_text("utf-8").splitlines())
}

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


def counterpart(found: Sequence[tuple[str, frozenset[str]]]) -> CatalogEntry | None:
    """Choose of what was found for each type, likeliest first; None for nothing, or several: a person says which."""
    for item_type, boids in found:
        if boids:
            color_id = 0 if item_type in _COLORLESS else None
            return CatalogEntry(item_type=BOID, number=min(boids), color_id=color_id) if len(boids) == 1 else None
    return None
