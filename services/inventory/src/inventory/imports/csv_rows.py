"""CSV with the columns of our own export (`exports/csv_table.py`), in any order; some may be missing.

Spreadsheets save it with commas, semicolons or tabs, with or without a byte order mark: the header tells. A column that
is not known refuses the whole file, for a misspelt one would be lost in silence.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from inventory.domain.lot import Completeness, Condition, ItemType, UsedGrade
from inventory.domain.rules import Proposal, ProposedItem
from inventory.exports.csv_table import COLUMNS, plain_text
from inventory.imports.dialect import MOST_ROWS, Dialect, FileRefused, ReadFile, first_fault
from inventory.imports.operation import CheckedRow, Row
from inventory.imports.values import STOCKROOMS, Values, judged, refused

if TYPE_CHECKING:
    from _csv import Reader

_COLUMN_OF: Final = {
    "item.type": "item_type",
    "item.number": "item_no",
    "item.color_id": "color_id",
    "item.condition": "condition",
    "item.completeness": "completeness",
    "quantity": "quantity",
    "reserved": "reserved",
    "unit_price": "unit_price",
    "sale_percent": "sale_percent",
    "bulk": "bulk",
    "cost": "cost",
    "weight_grams": "weight_grams",
    "description": "description",
    "remarks": "remarks",
    "retain": "retain",
    "stockroom": "stockroom",
    "used_grade": "used_grade",
    "location": "location",
    "tags": "tags",
}
_TIER_COLUMNS: Final = ("tier{}_quantity", "tier{}_unit_price")
_ALL_TIER_COLUMNS: Final = frozenset(column.format(slot) for slot in (1, 2, 3) for column in _TIER_COLUMNS)
_REQUIRED: Final = ("item_type", "item_no", "condition", "quantity", "unit_price")
_FIELD_OF: Final = {column: name for name, column in _COLUMN_OF.items() if "." not in name and name != "quantity"} | (
    dict.fromkeys(_ALL_TIER_COLUMNS, "tiers")
)
_YES_OR_NO: Final = {"YES": True, "NO": False}
_SEPARATORS: Final = ",;\t"
_TOO_FEW: Final = "has fewer cells than the header"

W = TypeVar("W", bound=StrEnum)


def read_table(content: bytes) -> ReadFile:
    """Every row as it stands there. Raises FileRefused."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileRefused(f"is neither XML nor a table in UTF-8: see line {line}") from None
    if "\0" in text:
        raise FileRefused("holds the character NUL")
    head = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        _check_header(header)
        rows = list(_rows(lines, header))
    except csv.Error as error:
        raise FileRefused(f"is no whole table: {error} at line {lines.line_num}") from None
    if not rows:
        raise FileRefused("holds no row")
    return ReadFile(DIALECT, rows, frozenset(_FIELD_OF[column] for column in header if column in _FIELD_OF))


def _check_header(header: Sequence[str]) -> None:
    if not set(header) & set(COLUMNS):
        raise FileRefused("is neither XML nor a table with the columns of a CSV export")
    for column in header:
        if column not in COLUMNS:
            raise FileRefused(f"has a column {column[:50]!r}, which is not one of {', '.join(COLUMNS)}")
        if header.count(column) > 1:
            raise FileRefused(f"has the column {column} twice")
    if missing := [column for column in _REQUIRED if column not in header]:
        raise FileRefused(f"has no column {', '.join(missing)}")


def _rows(lines: "Reader", header: Sequence[str]) -> Iterator[Row]:
    started = lines.line_num + 1
    count = 0
    for cells in lines:
        line, started = started, lines.line_num + 1
        if not any(cells):
            continue
        count += 1
        if count > MOST_ROWS:
            raise FileRefused(f"has more than {MOST_ROWS:,} rows")
        fault = None
        if len(cells) < len(header):
            fault = (header[len(cells)], _TOO_FEW)
        elif any(cells[len(header) :]):
            fault = (header[-1], "is followed by cells without a column")
        yield Row(line, dict(zip(header, cells, strict=False)), fault)


def _judge(row: Row, number: int, currency: str) -> CheckedRow:
    if row.tags.get("archived", "").strip().lower() == "yes":
        return refused(row, number, "archived", "is yes: this lot was put away", excluded=True)
    if (fault := first_fault(row, _faults(row.tags, currency))) is not None:
        return refused(row, number, *fault)
    values = Values(row.tags, _COLUMN_OF, tier_tags=_TIER_COLUMNS)
    return judged(row, number, currency, values, _proposal, known_as="lot_id")


def _faults(tags: Mapping[str, str], currency: str) -> Iterator[tuple[str, str]]:
    if tags.get("currency", "").strip() not in {"", currency}:
        yield "currency", f"must be {currency}, the currency of this import"
    if tags.get("archived", "").strip().lower() not in {"", "no"}:
        yield "archived", "must be one of yes, no"
    if tags["quantity"].strip().startswith("-"):
        yield "quantity", "is below zero; only pieces that are there can be imported"


def _proposal(values: Values, currency: str) -> Proposal:
    def text(column: str) -> str:
        return plain_text(values.said(column))

    return Proposal(
        item=ProposedItem(
            type=values.word("item.type", _words(ItemType)),
            number=text("item_no"),
            color_id=values.integer("item.color_id", 0),
            condition=values.word("item.condition", _words(Condition)),
            completeness=values.word("item.completeness", _words(Completeness)),
        ),
        used_grade=values.word("used_grade", _words(UsedGrade)),
        quantity=values.quantity(lowest=0),
        reserved=values.integer("reserved", 0),
        unit_price=values.money("unit_price", currency),
        sale_percent=values.integer("sale_percent", 0),
        tiers=values.tiers(currency),
        bulk=values.integer("bulk", 1),
        cost=values.money("cost", currency),
        description=text("description"),
        remarks=text("remarks"),
        stockroom=values.word("stockroom", STOCKROOMS),
        retain=values.word("retain", _YES_OR_NO) or False,
        weight_grams=values.decimal("weight_grams"),
        location=text("location"),
        tags=tuple(text("tags").split()),
        unreadable=tuple(values.unreadable),
    )


def _words(words: type[W]) -> Mapping[str, W]:
    return {word.value: word for word in words}


DIALECT: Final = Dialect(format="CSV", judge=_judge, fields=frozenset(_FIELD_OF.values()))
