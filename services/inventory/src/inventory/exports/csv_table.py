"""CSV (RFC 4180, UTF-8) for spreadsheets: a header, then one lot a row."""

import csv
import io
from typing import Final

from inventory.domain.colors import color_names
from inventory.domain.lot import Lot
from inventory.domain.money import plain, plain_number
from inventory.exports.operation import ExportedLot

COLUMNS: Final = (
    "lot_id",
    "item_type",
    "item_no",
    "color_id",
    "color_name",
    "condition",
    "completeness",
    "used_grade",
    "quantity",
    "reserved",
    "sold",
    "currency",
    "unit_price",
    "sale_percent",
    "bulk",
    *(f"tier{slot}_{what}" for slot in (1, 2, 3) for what in ("quantity", "unit_price")),
    "cost",
    "description",
    "remarks",
    "stockroom",
    "retain",
    "weight_grams",
    "location",
    "tags",
    "archived",
)
_FORMULAS: Final = ("=", "+", "-", "@")
"""Spreadsheets would run a text that begins so, and some texts came from files of other people."""


class CsvTable:
    """Writes the table."""

    def head(self) -> str:
        """The header."""
        return _row(COLUMNS)

    def lot(self, exported: ExportedLot) -> str:
        """One row."""
        return _row(_cells(exported.lot))

    def tail(self) -> str:
        """Nothing: a table just ends."""
        return ""


def _row(cells: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cells(lot: Lot) -> tuple[object, ...]:
    tiers: list[object] = [cell for tier in lot.tiers for cell in (tier.quantity, plain(tier.unit_price))]
    return (
        lot.lot_id,
        lot.item.type.value,
        _text(lot.item.number),
        lot.item.color_id,
        color_names().get(lot.item.color_id, ""),
        lot.item.condition.value,
        lot.item.completeness or "",
        lot.used_grade or "",
        lot.quantity,
        lot.reserved,
        lot.sold,
        lot.currency,
        plain(lot.unit_price),
        lot.sale_percent,
        lot.bulk,
        *tiers,
        *[""] * (6 - len(tiers)),
        "" if lot.cost is None else plain(lot.cost),
        _text(lot.description),
        _text(lot.remarks),
        lot.stockroom or "",
        "yes" if lot.retain else "no",
        "" if lot.weight_grams is None else plain_number(lot.weight_grams),
        _text(lot.location),
        _text(" ".join(lot.tags)),
        "yes" if lot.archived else "no",
    )


def _text(text: str) -> str:
    # A text that begins with apostrophes before such a letter gets one more, so that reading can always take one off.
    return f"'{text}" if text.lstrip("'").startswith(_FORMULAS) else text


def plain_text(cell: str) -> str:
    """The text of a cell that this table wrote."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULAS) else cell
