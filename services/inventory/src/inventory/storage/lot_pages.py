"""Pages of lots: by any column, each page from where the last one ended, never by counting how many were before.

A page starts at a place, the sort key and id of the last lot seen: so a lot that nobody changes is on exactly one page,
whatever is made, changed or put away meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Numeric,
    Text,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from inventory.domain.lot import Lot
from inventory.domain.lot_filter import LotColumn, LotFilter, LotOrder
from inventory.domain.money import read_decimal
from inventory.storage.lot_filter import AVAILABILITY, conditions
from inventory.storage.lots import lot_of
from inventory.storage.tables import LOTS

_LARGEST: Final = 2**63
_NO_NUMBER: Final = -1
"""Stands for a cost or a weight that is not known, as neither is below zero."""


class Place(NamedTuple):
    """Where a page ends."""

    key: Any
    """The lot's value in the column that orders the list; None where that is its id alone."""
    lot_id: str


class PlacedLot(NamedTuple):
    """A lot and where it stands."""

    lot: Lot
    place: Place


@dataclass(frozen=True, slots=True)
class SortKey:
    """What a column orders by, and how its value travels in a page token."""

    value: ColumnElement[Any]
    type: TypeEngine[Any]
    """As wide as what a token may hold."""
    write: Callable[[Any], object]
    read: Callable[[object], Any]
    """Raises ValueError for what `write` never wrote; a token comes from outside."""


async def page_of_lots(
    conn: AsyncConnection, seller_id: str, wanted: LotFilter, order: LotOrder, *, after: Place | None, limit: int
) -> list[PlacedLot]:
    """The seller's lots that are wanted, in this order, from the one after `after` on."""
    key = None if order.column is None else SORT_KEYS[order.column].value
    columns: list[ColumnElement[Any]] = [LOTS.c.lot_id] if key is None else [key, LOTS.c.lot_id]
    query = select(LOTS, (literal(None) if key is None else key).label("sort_key"))
    query = query.where(*await conditions(conn, seller_id, wanted))
    query = query.order_by(*(column.desc() if order.descending else column for column in columns)).limit(limit)
    if after is not None:
        query = query.where(_beyond(columns, after, order))
    return [
        PlacedLot(lot_of(row), Place(row["sort_key"], row["lot_id"])) for row in (await conn.execute(query)).mappings()
    ]


def _beyond(columns: list[ColumnElement[Any]], after: Place, order: LotOrder) -> ColumnElement[bool]:
    there: list[ColumnElement[Any]] = [literal(after.lot_id, LOTS.c.lot_id.type)]
    if order.column is not None:
        there.insert(0, literal(after.key, SORT_KEYS[order.column].type))
    return tuple_(*columns) < tuple_(*there) if order.descending else tuple_(*columns) > tuple_(*there)


async def count_lots(conn: AsyncConnection, seller_id: str, wanted: LotFilter) -> int:
    """How many lots of the seller are wanted. It reads every one of them."""
    query = select(func.count()).select_from(LOTS).where(*await conditions(conn, seller_id, wanted))
    counted: int = (await conn.execute(query)).scalar_one()
    return counted


def _same(value: Any) -> object:
    return value


def _integer(value: object) -> int:
    if type(value) is not int or not -_LARGEST <= value < _LARGEST:
        raise ValueError("is no integer of ours")
    return value


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("is neither true nor false")
    return value


def _text(value: object) -> str:
    if type(value) is not str or "\0" in value:
        raise ValueError("is no text of ours")
    value.encode()  # half a surrogate pair is a ValueError too
    return value


def _decimal(value: object) -> Decimal:
    return Decimal(_NO_NUMBER) if value == str(_NO_NUMBER) else read_decimal(_text(value))


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("is no moment of ours")
    return moment


def _of_integer(value: ColumnElement[Any]) -> SortKey:
    return SortKey(value, BigInteger(), _same, _integer)


def _of_text(value: ColumnElement[Any]) -> SortKey:
    return SortKey(value, Text(), _same, _text)


def _of_decimal(value: ColumnElement[Any]) -> SortKey:
    return SortKey(value, Numeric(), lambda number: f"{number:f}", _decimal)


def _of_flag(value: ColumnElement[Any]) -> SortKey:
    return SortKey(value, Boolean(), _same, _flag)


_LOTS: Final = LOTS.c
SORT_KEYS: Final[Mapping[LotColumn, SortKey]] = {
    LotColumn.ITEM_NUMBER: _of_text(_LOTS.item_no),
    LotColumn.ITEM_TYPE: _of_text(_LOTS.item_type),
    LotColumn.COLOR_ID: _of_integer(_LOTS.color_id),
    LotColumn.CONDITION: _of_text(_LOTS.condition),
    LotColumn.COMPLETENESS: _of_text(func.coalesce(_LOTS.completeness, "")),
    LotColumn.USED_GRADE: _of_text(func.coalesce(_LOTS.used_grade, "")),
    LotColumn.QUANTITY: _of_integer(_LOTS.quantity),
    LotColumn.RESERVED: _of_integer(_LOTS.reserved),
    LotColumn.SOLD: _of_integer(_LOTS.sold),
    LotColumn.UNIT_PRICE: _of_decimal(_LOTS.unit_price),
    LotColumn.SALE_PERCENT: _of_integer(_LOTS.sale_percent),
    LotColumn.BULK: _of_integer(_LOTS.bulk),
    LotColumn.COST: _of_decimal(func.coalesce(_LOTS.cost, _NO_NUMBER)),
    LotColumn.DESCRIPTION: _of_text(_LOTS.description),
    LotColumn.REMARKS: _of_text(_LOTS.remarks),
    LotColumn.STOCKROOM: _of_text(func.coalesce(_LOTS.stockroom, "")),
    LotColumn.RETAIN: _of_flag(_LOTS.retain),
    LotColumn.WEIGHT_GRAMS: _of_decimal(func.coalesce(_LOTS.weight_grams, _NO_NUMBER)),
    LotColumn.LOCATION: _of_text(_LOTS.location),
    LotColumn.ARCHIVED: _of_flag(_LOTS.archived),
    LotColumn.AVAILABILITY: _of_integer(AVAILABILITY),
    LotColumn.UPDATED_AT: SortKey(_LOTS.updated_at, DateTime(timezone=True), datetime.isoformat, _moment),
}
