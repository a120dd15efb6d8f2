"""A shop as its last census saw it, in a transaction of PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, exists
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.listing import Item, ListingId, SellerId
from syncengine.rows.shop import ShopListing
from syncengine.store.codec import encoder
from syncengine.store.row_table import RowTable
from syncengine.store.tables import LISTING_IDS, SHOP_LISTINGS

_item_json = encoder(Item)
_ROWS: Final = RowTable(
    ShopListing,
    SHOP_LISTINGS,
    derived={
        "listing_id": lambda row: row.listing.listing_id,
        "item": lambda row: _item_json(row.listing.item),
    },
)
_OF_SELLER: Final = SHOP_LISTINGS.c.seller_id == bindparam("seller_id")
_DELETE: Final = delete(SHOP_LISTINGS).where(_OF_SELLER)
_UNOWNED: Final = _ROWS.select.where(
    _OF_SELLER,
    ~exists().where(
        LISTING_IDS.c.seller_id == SHOP_LISTINGS.c.seller_id, LISTING_IDS.c.listing_id == SHOP_LISTINGS.c.listing_id
    ),
).order_by(SHOP_LISTINGS.c.listing_id)
_PAGE: Final = _UNOWNED.where(
    SHOP_LISTINGS.c.missed_at.is_(None), SHOP_LISTINGS.c.listing_id > bindparam("after")
).limit(bindparam("limit"))
_UNOWNED_OF_ITEM: Final = _UNOWNED.where(SHOP_LISTINGS.c.item == bindparam("item", type_=SHOP_LISTINGS.c.item.type))


_LISTED: Final = _ROWS.select.where(
    _OF_SELLER,
    SHOP_LISTINGS.c.missed_at.is_(None),
    SHOP_LISTINGS.c.listing_id.in_(bindparam("listing_ids", expanding=True)),
)


class ShopListings:
    """Shops as censuses saw them, in the transaction of `conn`."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def replace_shop_listings(self, seller_id: SellerId, listings: Sequence[ShopListing]) -> None:
        await self._conn.execute(_DELETE, {"seller_id": seller_id})
        await _ROWS.replace(self._conn, listings)

    async def add_shop_listing(self, listing: ShopListing) -> None:
        await _ROWS.replace(self._conn, [listing])

    async def unowned(self, seller_id: SellerId, item: Item | None = None) -> Sequence[ShopListing]:
        if item is None:
            return await _ROWS.find(self._conn, _UNOWNED, {"seller_id": seller_id})
        return await _ROWS.find(self._conn, _UNOWNED_OF_ITEM, {"seller_id": seller_id, "item": _item_json(item)})

    async def page_of_unowned(
        self, seller_id: SellerId, *, after: ListingId | None, limit: int
    ) -> Sequence[ShopListing]:
        named = {"seller_id": seller_id, "after": after or "", "limit": limit}
        return await _ROWS.find(self._conn, _PAGE, named)

    async def listed(self, seller_id: SellerId, listing_ids: Collection[ListingId]) -> Mapping[ListingId, ShopListing]:
        named = {"seller_id": seller_id, "listing_ids": list(listing_ids)}
        return {kept.listing.listing_id: kept for kept in await _ROWS.find(self._conn, _LISTED, named)}
