"""A filter of lots in SQL.

The indexes that serve it are in migration 0009, and told there why: whoever changes an expression here changes its
index. What has no index is looked for among the seller's own lots, one by one.
"""

import re
from typing import Final

from sqlalchemy import ColumnElement, Text, case, literal_column
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.lot import Availability
from inventory.domain.lot_filter import LotFilter
from inventory.storage.shops import connected_shops
from inventory.storage.sync_filter import has_come_so_far
from inventory.storage.tables import LOTS

_LOTS: Final = LOTS.c
# Between them stands what no text of ours holds, so that no search finds the end of one and the start of the next.
_SEARCHED: Final = literal_column(r"(lots.item_no || E'\x1f' || lots.description || E'\x1f' || lots.remarks)", Text)
_WILDCARD: Final = re.compile(r"([%_\\])")

AVAILABILITY: Final = case((_LOTS.quantity > 0, 0), (_LOTS.reserved > 0, 1), else_=2)
"""A lot's availability as its place in `RANK`."""
RANK: Final = {Availability.AVAILABLE: 0, Availability.RESERVED: 1, Availability.SOLD: 2}


async def conditions(conn: AsyncConnection, seller_id: str, wanted: LotFilter) -> list[ColumnElement[bool]]:
    """What holds of those lots of the seller that the filter asks for."""
    found = _conditions(wanted, seller_id)
    if wanted.sync:
        connected = await connected_shops(conn, seller_id)
        found += [has_come_so_far(one, seller_id, connected=one.marketplace in connected) for one in wanted.sync]
    return found


def _conditions(wanted: LotFilter, seller_id: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_LOTS.seller_id == seller_id]
    if wanted.item_types:
        found.append(_LOTS.item_type.in_(sorted(wanted.item_types)))
    if wanted.item_number:
        found.append(_LOTS.item_no == wanted.item_number)
    if wanted.color_ids:
        found.append(_LOTS.color_id.in_(sorted(wanted.color_ids)))
    if wanted.condition is not None:
        found.append(_LOTS.condition == wanted.condition.value)
    if wanted.location is not None:
        found.append(_LOTS.location == wanted.location)
    if wanted.tags:
        found.append(_LOTS.tags.contains(list(wanted.tags)))
    if wanted.text:
        letters = _WILDCARD.sub(r"\\\1", wanted.text)
        found.append(_SEARCHED.ilike(f"%{letters}%"))
    if wanted.archived is not None:
        found.append(_LOTS.archived if wanted.archived else ~_LOTS.archived)
    if wanted.availabilities:
        found.append(AVAILABILITY.in_(sorted(RANK[one] for one in wanted.availabilities)))
    if wanted.price_from is not None:
        found.append(_LOTS.unit_price >= wanted.price_from)
    if wanted.price_to is not None:
        found.append(_LOTS.unit_price <= wanted.price_to)
    if wanted.quantity_from is not None:
        found.append(_LOTS.quantity >= wanted.quantity_from)
    if wanted.quantity_to is not None:
        found.append(_LOTS.quantity <= wanted.quantity_to)
    return found
