"""BrickLink's colours: which numbers a lot may name. The table ships with the service and says where it comes from."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

NO_COLOR = 0
"""BrickLink's "(Not Applicable)", for items of types that have no colours."""


@cache
def color_names() -> Mapping[int, str]:
    """BrickLink's colour ids and names."""
    text = files("inventory.domain").joinpath("colors.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {int(row["bricklink_id"]): row["name"] for row in rows}
