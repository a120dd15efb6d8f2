"""Brick Owl's catalogue: colours and parts from the tables in `data/`, and entries made up for all that they lack.

A made-up BOID holds type and number, so that nothing need be remembered: `9`, the type's digit, the number in base 40.
Like the real catalogue this one does not know everything: one made-up part in twenty is missing, and half of those are
to be found as a Minibuild.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from zlib import crc32

TYPES = ("Part", "Set", "Minifigure", "Gear", "Sticker", "Minibuild", "Instructions", "Packaging")
COLORED = frozenset({"Part"})
"""Types whose lots must have a colour."""
COLORABLE = COLORED | {"Gear", "Minibuild"}
"""Types whose lots may have one."""

CONDITIONS = {
    "new": "New",
    "news": "New (Sealed)",
    "newc": "New (Complete)",
    "newi": "New (Incomplete)",
    "usedc": "Used (Complete)",
    "usedi": "Used (Incomplete)",
    "usedn": "Used (Like New)",
    "usedg": "Used (Good)",
    "useda": "Used (Acceptable)",
    "other": "Other",
}
"""Code and name (section 2)."""
_SET_CONDITIONS = frozenset({"news", "newc", "newi", "usedc", "usedi"})
_OTHER_CONDITIONS = frozenset({"new", "usedn", "usedg", "useda"})

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz-._"
_MADE_UP = re.compile(r"9([0-7])(\d{12,90})")
_SET_LIKE = re.compile(r"\d+-\d+")
_MINIFIGURE_LIKE = re.compile(r"[a-z]{2,4}\d{2,}[a-z]?")


@dataclass(frozen=True, slots=True)
class Color:
    """One Brick Owl colour; `rgb` is six hexadecimal digits."""

    color_id: int
    name: str
    rgb: str
    bricklink_ids: tuple[str, ...]
    bricklink_names: tuple[str, ...]
    ldraw_ids: tuple[str, ...]
    lego_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A catalogue entry without colour; `ids` are pairs of an id and its type."""

    boid: str
    item_type: str
    name: str
    ids: tuple[tuple[str, str], ...]


def conditions_of(item_type: str) -> frozenset[str]:
    """Return the codes that lots of a type may have (section 2)."""
    if item_type == "Gear":
        return frozenset(CONDITIONS)
    return _SET_CONDITIONS if item_type == "Set" else _OTHER_CONDITIONS


@dataclass(frozen=True)
class Catalog:
    """Which colours and parts exist."""

    colors: Mapping[int, Color]
    parts: Mapping[str, Item]
    """By BOID, without colour."""
    boids: Mapping[tuple[str, str], Sequence[str]]
    """BOIDs of parts by id type and id."""

    @classmethod
    def shipped(cls) -> "Catalog":
        """Read the tables that come with the package (`data/README.md` says where they are from)."""
        parts: dict[str, Item] = {}
        boids: dict[tuple[str, str], list[str]] = {}
        for row in _rows("brickowl_parts.csv"):
            ids = [(number, "design_id") for number in _several(row["design_ids"])]
            ids += [(number, "ldraw") for number in _several(row["ldraw_id"])]
            bricklink = [(number, "bl_item_no") for number in _several(row["bricklink_nos"])]
            for place, boid in enumerate(_several(row["boids"])):
                own = [(boid, "boid"), *ids, *(bricklink if place == 0 else ())]  # of several, one is the right one
                parts[boid] = Item(boid, "Part", row["name"], tuple(own))
                for number, id_type in (*ids, *bricklink):
                    boids.setdefault((id_type, number.lower()), []).append(boid)
        return cls({color.color_id: color for color in map(_color, _rows("brickowl_colors.csv"))}, parts, boids)

    def find(self, boid: str) -> Item | None:
        """Return the entry with this BOID, which is without colour."""
        if boid in self.parts:
            return self.parts[boid]
        match = _MADE_UP.fullmatch(boid)
        item_type, number = (TYPES[int(match[1])], _number(int(match[2]))) if match else ("", "")
        if not self._knows(item_type, number) or _made_up_boid(item_type, number) != boid:
            return None
        kind = "set_number" if item_type in {"Set", "Instructions", "Packaging"} else "design_id"
        ids = ((boid, "boid"), (number, kind), (number, "bl_item_no"))
        return Item(boid, item_type, f"{item_type} {number}", ids)

    def lookup(self, number: str, item_type: str, id_type: str | None) -> list[str]:
        """Return the bare BOIDs that an id of another catalogue may mean, best first; none where it is unknown."""
        number = number.strip().lower()
        if id_type == "boid":
            found = self.find(number.partition("-")[0])
            return [found.boid] if found is not None and found.item_type == item_type else []
        kinds = (id_type,) if id_type else ("bl_item_no", "design_id", "ldraw")
        if item_type == "Part":
            known = [boid for kind in kinds for boid in self.boids.get((kind, number), ())]
            if known:
                return list(dict.fromkeys(known))
        if id_type in {None, "bl_item_no", "set_number", "design_id"} and self._knows(item_type, number):
            return [_made_up_boid(item_type, number)]
        return []

    def _knows(self, item_type: str, number: str) -> bool:
        """Tell whether an entry is made up for this number, which is in lower case."""
        if not number or any(character not in _DIGITS for character in number) or len(number) > 50:
            return False
        is_part = not (_SET_LIKE.fullmatch(number) or _MINIFIGURE_LIKE.fullmatch(number) or "stk" in number)
        chance = crc32(number.encode())
        match item_type:
            case "Part":
                return is_part and ("bl_item_no", number) not in self.boids and chance % 20 != 7
            case "Minibuild":
                return is_part and ("bl_item_no", number) not in self.boids and chance % 40 == 7
            case "Minifigure":
                return _MINIFIGURE_LIKE.fullmatch(number) is not None
            case "Sticker":
                return "stk" in number
            case "Gear":
                return is_part
        return _SET_LIKE.fullmatch(number) is not None


def boid_with_color(boid: str, color_id: int | None) -> str:
    """Return `771344-38`, or the bare BOID where there is no colour."""
    return f"{boid}-{color_id}" if color_id else boid


def _made_up_boid(item_type: str, number: str) -> str:
    value = 0
    for character in number:
        value = value * 40 + _DIGITS.index(character) + 1
    return f"9{TYPES.index(item_type)}{value:012d}"


def _number(value: int) -> str:
    characters = ""
    while value:
        value, digit = divmod(value, 40)
        if digit == 0:
            return ""  # nobody made this one up
        characters = _DIGITS[digit - 1] + characters
    return characters


def _color(row: Mapping[str, str]) -> Color:
    return Color(
        color_id=int(row["color_id"]),
        name=row["name"],
        rgb=row["rgb"],
        bricklink_ids=_several(row["bricklink_id"]),
        bricklink_names=_several(row["bricklink_name"]),
        ldraw_ids=_several(row["ldraw_ids"]),
        lego_ids=_several(row["lego_ids"]),
    )


def _several(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(";")) if cell else ()


def _rows(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("sandbox").joinpath("data", file).read_text("utf-8").splitlines()))
