"""Lots as rows."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import RowMapping, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.errors import LotNotFound
from inventory.domain.lot import (
    Completeness,
    Condition,
    FieldGroup,
    Item,
    ItemType,
    Lot,
    LotFields,
    Stockroom,
    Tier,
    UsedGrade,
)
from inventory.ids import is_id
from inventory.storage.tables import LOTS

MOST_EQUAL_LOTS: Final = 100
"""How many equal lots a warning names."""


# Written once: every command runs one of them, and making a statement costs more than running it.
_FIND: Final = select(LOTS).where(LOTS.c.lot_id == bindparam("lot_id"), LOTS.c.seller_id == bindparam("seller_id"))
_LOCK: Final = _FIND.with_for_update()


async def find_lot(conn: AsyncConnection, seller_id: str, lot_id: str) -> Lot:
    """The lot. Raises LotNotFound, also where it is another seller's."""
    return await _one(conn, seller_id, lot_id, lock=False)


async def lock_lot(conn: AsyncConnection, seller_id: str, lot_id: str) -> Lot:
    """The lot, for an update: nobody else changes it before this transaction ends. Raises LotNotFound."""
    return await _one(conn, seller_id, lot_id, lock=True)


async def _one(conn: AsyncConnection, seller_id: str, lot_id: str, *, lock: bool) -> Lot:
    if not is_id(lot_id):
        raise LotNotFound
    found = await conn.execute(_LOCK if lock else _FIND, {"lot_id": lot_id, "seller_id": seller_id})
    row = found.mappings().one_or_none()
    if row is None:
        raise LotNotFound
    return lot_of(row)


async def find_lots(conn: AsyncConnection, seller_id: str, lot_ids: Sequence[str]) -> dict[str, Lot]:
    """Those of the lots that the seller has, by id."""
    query = select(LOTS).where(LOTS.c.lot_id.in_(lot_ids), LOTS.c.seller_id == seller_id)
    return {row["lot_id"]: lot_of(row) for row in (await conn.execute(query)).mappings()}


async def lock_lots(conn: AsyncConnection, lot_ids: Sequence[str]) -> dict[str, Lot]:
    """Those of the lots that exist, for an update, always locked in the same order, so that nobody deadlocks."""
    query = select(LOTS).where(LOTS.c.lot_id.in_(lot_ids)).order_by(LOTS.c.lot_id).with_for_update()
    return {row["lot_id"]: lot_of(row) for row in (await conn.execute(query)).mappings()}


class NamedListings(NamedTuple):
    """Listings that a report names for a lot in one shop."""

    every: Sequence[str]
    """Those that it has or had (rule N5)."""
    created: Sequence[str]
    """Those that were made for it (rule C3)."""


async def add_listing_ids(conn: AsyncConnection, named: Mapping[tuple[str, str], NamedListings]) -> None:
    """Remember, by lot and marketplace, listings that were named. They move no revision."""
    lot_ids = sorted({lot_id for lot_id, _ in named})
    query = select(LOTS.c.lot_id, LOTS.c.listing_ids, LOTS.c.created_listing_ids).where(LOTS.c.lot_id.in_(lot_ids))
    known = {row.lot_id: row for row in await conn.execute(query)}
    is_new = {
        lot_id
        for (lot_id, marketplace), ids in named.items()
        if (row := known.get(lot_id)) is not None
        and not (
            set(ids.every) <= set(row.listing_ids.get(marketplace, ()))
            and set(ids.created) <= set(row.created_listing_ids.get(marketplace, ()))
        )
    }
    if not is_new:
        return  # most reports name nothing new, and lock nothing
    locked = query.where(LOTS.c.lot_id.in_(is_new)).order_by(LOTS.c.lot_id).with_for_update()
    rows = {row.lot_id: row for row in await conn.execute(locked)}
    for (lot_id, marketplace), ids in named.items():
        if (row := rows.get(lot_id)) is not None:
            _merge(row.listing_ids, marketplace, ids.every)
            _merge(row.created_listing_ids, marketplace, ids.created)
    await conn.execute(_SAVE_LISTING_IDS, {"lots": json.dumps([row._asdict() for row in rows.values()])})


def _merge(known: dict[str, list[str]], marketplace: str, ids: Sequence[str]) -> None:
    if ids:
        known[marketplace] = list(dict.fromkeys([*known.get(marketplace, ()), *ids]))


_SAVE_LISTING_IDS: Final = text("""
    UPDATE lots SET listing_ids = given.listing_ids, created_listing_ids = given.created_listing_ids
    FROM jsonb_populate_recordset(CAST(NULL AS lots), CAST(:lots AS jsonb)) AS given
    WHERE lots.lot_id = given.lot_id
""")


async def next_lots(conn: AsyncConnection, seller_id: str, *, after: str | None, limit: int) -> list[Lot]:
    """All lots of the seller by id, oldest first, from the one after `after` on."""
    query = select(LOTS).where(LOTS.c.seller_id == seller_id).order_by(LOTS.c.lot_id).limit(limit)
    if after is not None:
        query = query.where(LOTS.c.lot_id > after)
    return [lot_of(row) for row in (await conn.execute(query)).mappings()]


async def equal_lots(conn: AsyncConnection, seller_id: str, item: Item) -> list[str]:
    """Ids of the seller's lots of the same item, colour, condition and completeness."""
    query = (
        select(LOTS.c.lot_id)
        .where(
            LOTS.c.seller_id == seller_id,
            LOTS.c.item_no == item.number,
            LOTS.c.item_type == item.type.value,
            LOTS.c.color_id == item.color_id,
            LOTS.c.condition == item.condition.value,
            LOTS.c.completeness.is_not_distinct_from(item.completeness),
        )
        .order_by(LOTS.c.lot_id)
        .limit(MOST_EQUAL_LOTS)
    )
    return list((await conn.execute(query)).scalars())


def lot_of(row: RowMapping) -> Lot:
    """A lot from its row."""
    said = fields_of(row)
    return Lot(
        **{name: getattr(said, name) for name in _FIELD_NAMES},
        lot_id=row["lot_id"],
        seller_id=row["seller_id"],
        revision=row["revision"],
        sold=row["sold"],
        archived=row["archived"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        counted_at=row["counted_at"],
        counted_ats={marketplace: datetime.fromisoformat(at) for marketplace, at in row["counted_ats"].items()},
        group_revisions={FieldGroup(group): revision for group, revision in row["group_revisions"].items()},
        counted_seqs=row["counted_seqs"],
        listing_ids={marketplace: tuple(ids) for marketplace, ids in row["listing_ids"].items()},
        created_listing_ids={marketplace: tuple(ids) for marketplace, ids in row["created_listing_ids"].items()},
        sold_last=row["sold_last"],
        sales_frozen=row["sales_frozen"],
    )


def json_of(lot: Lot) -> dict[str, Any]:
    """A lot's row as JSON values, for a statement that writes many at once."""
    return json_of_fields(lot) | {
        "lot_id": lot.lot_id,
        "seller_id": lot.seller_id,
        "revision": lot.revision,
        "sold": lot.sold,
        "archived": lot.archived,
        "created_at": lot.created_at.isoformat(),
        "updated_at": lot.updated_at.isoformat(),
        "counted_at": lot.counted_at.isoformat(),
        "counted_ats": {marketplace: at.isoformat() for marketplace, at in lot.counted_ats.items()},
        "group_revisions": lot.group_revisions,
        "counted_seqs": lot.counted_seqs,
        "listing_ids": lot.listing_ids,
        "created_listing_ids": lot.created_listing_ids,
        "sold_last": lot.sold_last,
        "sales_frozen": lot.sales_frozen,
    }


def fields_of(row: RowMapping | Mapping[str, Any]) -> LotFields:
    """What a seller says of a lot, from a row or from `json_of_fields`."""
    return LotFields(
        item=Item(
            type=ItemType(row["item_type"]),
            number=row["item_no"],
            color_id=row["color_id"],
            condition=Condition(row["condition"]),
            completeness=None if row["completeness"] is None else Completeness(row["completeness"]),
        ),
        used_grade=None if row["used_grade"] is None else UsedGrade(row["used_grade"]),
        quantity=row["quantity"],
        reserved=row["reserved"],
        currency=row["currency"],
        unit_price=Decimal(row["unit_price"]),
        sale_percent=row["sale_percent"],
        tiers=tuple(Tier(tier["quantity"], Decimal(tier["unit_price"])) for tier in row["tiers"]),
        bulk=row["bulk"],
        cost=None if row["cost"] is None else Decimal(row["cost"]),
        description=row["description"],
        remarks=row["remarks"],
        stockroom=None if row["stockroom"] is None else Stockroom(row["stockroom"]),
        retain=row["retain"],
        weight_grams=None if row["weight_grams"] is None else Decimal(row["weight_grams"]),
        location=row["location"],
        tags=tuple(row["tags"]),
    )


def json_of_fields(said: LotFields) -> dict[str, Any]:
    """What a seller says of a lot, as JSON values by column."""
    return {
        "item_type": said.item.type,
        "item_no": said.item.number,
        "color_id": said.item.color_id,
        "condition": said.item.condition,
        "completeness": said.item.completeness,
        "used_grade": said.used_grade,
        "quantity": said.quantity,
        "reserved": said.reserved,
        "currency": said.currency,
        "unit_price": str(said.unit_price),
        "sale_percent": said.sale_percent,
        "tiers": [{"quantity": tier.quantity, "unit_price": str(tier.unit_price)} for tier in said.tiers],
        "bulk": said.bulk,
        "cost": None if said.cost is None else str(said.cost),
        "description": said.description,
        "remarks": said.remarks,
        "stockroom": said.stockroom,
        "retain": said.retain,
        "weight_grams": None if said.weight_grams is None else str(said.weight_grams),
        "location": said.location,
        "tags": said.tags,
    }


_FIELD_NAMES: Final = tuple(LotFields.__dataclass_fields__)
