"""Every field of every row comes back as it was."""

# ruff: noqa: S101 - these are tests
from dataclasses import MISSING, fields, replace

import pytest

from syncengine.listing import LotId, Values
from syncengine.plan import Tier
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.intent import Intent
from syncengine.rows.listing import ListingRow
from syncengine.rows.order import Booking, LineRow, OrderRow
from syncengine.rows.shop import ShopListing
from syncengine.store.protocol import Store
from syncengine.testing.samples import sample
from syncengine.testing.store_contract.scenery import lot_row


class RoundTripContract:
    """Every field of every row comes back as it was."""

    @pytest.mark.parametrize("kind", [ConnectionRow, ListingRow, Intent, OrderRow, LineRow, Booking, ShopListing])
    def test_samples_have_no_field_at_its_default(self, kind: type[object]) -> None:
        """Or the round trips would not notice a field that is not kept."""
        row = sample(kind)
        for field in fields(kind):  # type: ignore[arg-type]
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            assert getattr(row, field.name) != default, field.name

    async def test_connection_round_trip(self, store: Store) -> None:
        row = sample(ConnectionRow)
        async with store.transaction() as tx:
            await tx.save_connection(row)
        async with store.transaction() as tx:
            assert await tx.lock_connection(row.seller_id) == row
            assert await tx.find_connection(row.seller_id) == row

    @pytest.mark.parametrize("choice", range(3))
    async def test_listing_round_trip(self, store: Store, choice: int) -> None:
        row = sample(ListingRow, choice=choice)
        async with store.transaction() as tx:
            await tx.save_listings([lot_row(row.lot_id)], [Tier.CREATE])
            await tx.save_listings([row], [None])
        async with store.transaction() as tx:
            assert await tx.find_listing(row.lot_id) == row

    async def test_values_keep_their_types(self, store: Store) -> None:
        """A flag is not the number one, nor a number its text: what differs is sent again."""
        values: Values = {"flag": True, "off": False, "one": 1, "zero": 0, "text": "1", "empty": "", "none": None}
        async with store.transaction() as tx:
            await tx.save_listings([replace(lot_row("lot"), sent=values)], [None])
        async with store.transaction() as tx:
            row = await tx.find_listing(LotId("lot"))
        assert row is not None
        assert repr(dict(sorted(row.sent.items()))) == repr(dict(sorted(values.items())))

    @pytest.mark.parametrize("choice", range(3))
    async def test_intent_round_trip(self, store: Store, choice: int) -> None:
        intent = sample(Intent, choice=choice)
        async with store.transaction() as tx:
            await tx.add_intents([intent])
        async with store.transaction() as tx:
            assert await tx.get_intent(intent.intent_id) == intent
            changed = sample(Intent, choice=choice + 1, start=100)
            await tx.save_intents([replace(changed, intent_id=intent.intent_id)])
        async with store.transaction() as tx:
            assert await tx.get_intent(intent.intent_id) == replace(changed, intent_id=intent.intent_id)

    async def test_order_and_line_round_trip(self, store: Store) -> None:
        order, line = sample(OrderRow), sample(LineRow)
        async with store.transaction() as tx:
            await tx.save_order(order)
            await tx.save_lines([line])
        async with store.transaction() as tx:
            assert await tx.find_orders(order.seller_id, [order.order_id]) == {order.order_id: order}
            assert await tx.lines_of_seller(line.seller_id) == [line]

    async def test_shop_listing_round_trip(self, store: Store) -> None:
        row = sample(ShopListing)
        async with store.transaction() as tx:
            await tx.add_shop_listing(row)
        async with store.transaction() as tx:
            assert await tx.unowned(row.seller_id) == [row]
