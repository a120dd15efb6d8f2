"""The catalogue that the sandbox's shops share: colours and part names, from the tables in `data/`."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

_CATEGORY_OF_FIRST_WORD = {"Brick": 5, "Plate": 26, "Slope": 31, "Technic": 36, "Tile": 37}
_OTHER_PARTS = 143
_CATEGORY_OF_TYPE = {"SET": 65, "MINIFIG": 238, "BOOK": 300, "GEAR": 163}


@dataclass(frozen=True, slots=True)
class Color:
    """One BrickLink colour; `rgb` is six hexadecimal digits."""

    color_id: int
    name: str
    kind: str
    rgb: str


@dataclass(frozen=True, slots=True)
class Item:
    """A catalogue entry, as lots and order lines show it."""

    item_type: str
    number: str
    name: str
    category_id: int


@dataclass(frozen=True)
class Catalog:
    """Which colours exist and what parts are called. Parts outside the table exist too, under a plain name."""

    colors: Mapping[int, Color]
    part_names: Mapping[str, str]

    @classmethod
    def shipped(cls) -> "Catalog":
        """Read the tables that come with the package (`data/README.md` says where they are from)."""
        return cls(
            colors={
                int(row["color_id"]): Color(int(row["color_id"]), row["name"], row["type"], row["rgb"])
                for row in _rows("colors.csv")
            },
            part_names={row["part_no"]: row["name"] for row in _rows("parts.csv")},
        )

    def item(self, item_type: str, number: str) -> Item:
        """Return the entry; its category is made up from the name, since the tables have none."""
        if item_type != "PART":
            return Item(item_type, number, f"{item_type.capitalize()} {number}", _CATEGORY_OF_TYPE.get(item_type, 0))
        name = self.part_names.get(number, f"Part {number}")
        return Item(item_type, number, name, _CATEGORY_OF_FIRST_WORD.get(name.split()[0], _OTHER_PARTS))


def _rows(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("sandbox").joinpath("data", file).read_text("utf-8").splitlines()))
