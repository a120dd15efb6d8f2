"""What an older version kept is read by this one."""

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from devstack.postgres import DatabaseUrls
from servicekit.outbox import create_outbox
from servicekit.postgres import create_engine
from syncengine.listing import LotId, OrderId, SellerId
from syncengine.migrations import create_engine_tables
from syncengine.plan import Tier
from syncengine.store.postgres import PostgresStore
from syncengine.testing.tables import extend_to_newest

ROLE = "syncengine_migrated"
SELLER = SellerId("seller")

FIRST_VERSION = """
INSERT INTO connections (seller_id, event_seq, enabled, key_version, shop_is_empty, shop_name, currency_code, wish_id,
    answered_partitions, census_alarm, match, held_items, highest_listing_id, pinned_name, pinned_key, pinned_currency,
    pin_proven, halted, waiting_for, failures)
VALUES ('seller', 1, true, 1, false, 'shop', 'EUR', '', '{}', '',
    '{"linked": 1, "to_create": 0, "ambiguous": 0, "unowned": 0, "different": 0}', '[]', 7, 'shop', 'shop', 'EUR',
    true, '', '', 0);
INSERT INTO listings (lot_id, seller_id, desired, revision, counted_seq, correlation_id, stale, listing_id, ledger,
    doubt, uncounted, recount_seq, sales_seq, sent, shown, sent_for_sale, sent_retain, unknown, parked, apart_at,
    applied, settled, result_seq, told, tier)
VALUES ('lot', 'seller',
    '{"item": {"item_type": "PART", "number": "3001", "color_id": 5, "condition": "NEW", "completeness": ""},
      "quantity": 4, "for_sale": true, "retain": false, "fields": {"price": "0.1000"}}',
    3, 0, '', false, '7', 9, 0, 0, 0, 0, '{"price": "0.1000"}', '{"price": "0.1000"}', true, false, false, '{}', 0,
    '{}', '{}', 0, '', 3);
INSERT INTO orders
VALUES ('seller', 'kept', now(), now(), 'f', false), ('seller', 'cancelled', now(), now(), 'f', true);
INSERT INTO order_lines (seller_id, order_id, listing_id, item, ordered_at, total, seen, cut, grown_at, lot_id, unowned)
SELECT 'seller', order_id, '7', CAST('{"item_type": "PART", "number": "3001", "color_id": 5, "condition": "NEW",
    "completeness": ""}' AS jsonb), now(), 2, 2, cut, now(), 'lot', false FROM orders;
INSERT INTO shop_listings (seller_id, listing_id, item, listing, seen_at)
VALUES ('seller', '9', '{}',
    '{"listing_id": "9", "item": {"item_type": "PART", "number": "3001", "color_id": 5, "condition": "NEW",
      "completeness": ""}, "quantity": 4, "for_sale": true, "retain": false, "fields": {}, "external_id": ""}', now());
"""

ONE_SHOP = """
INSERT INTO connections
SELECT (jsonb_populate_record(connections, CAST(changed AS jsonb))).*
FROM connections, (VALUES
    ('{"seller_id": "a-later", "pinned_key": "one", "connected_at": "2026-11-02T00:00:00Z"}'),
    ('{"seller_id": "b-earlier", "pinned_key": "one", "connected_at": "2026-11-01T00:00:00Z"}')
) AS given (changed)
"""
"""Two sellers have it."""


async def test_rows_of_the_first_version_are_read_after_all_later_ones(
    new_database: Callable[[str], DatabaseUrls],
) -> None:
    app_url, owner_url = new_database(ROLE)
    owner = sa.create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with owner.begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        create_outbox(op, app_role=ROLE)
        create_engine_tables(op, app_role=ROLE)
        connection.exec_driver_sql(FIRST_VERSION)
        connection.exec_driver_sql(ONE_SHOP)
        extend_to_newest(op, app_role=ROLE)
    owner.dispose()
    engine = create_engine(app_url)
    store = PostgresStore(engine, bucket=timedelta(minutes=10))
    async with store.transaction() as tx:
        row = await tx.find_listing(LotId("lot"))
        assert row is not None
        assert (row.strangers, row.awaited_revision, row.unexplained, row.waiting_since is None) == ((), 0, 0, False)
        assert (row.ledger, row.desired.currency_code, row.desired.sold_out, row.conflicts) == (9, "", False, {})
        assert (row.desired.entry, row.desired.is_mapped) == (None, True)
        assert (row.desired.sold, row.sold_there, row.shows_sold) == (0, 0, False)
        assert await tx.count_calls(SELLER, Tier.INCREASE) == 1
        assert (await tx.lock_connection(SELLER)).removals_held == 0
        lapsed = {seller_id: (await tx.lock_connection(seller_id)).pin_lapsed for seller_id in await tx.connections()}
        assert lapsed == {"a-later": True, "b-earlier": False, SELLER: False}
        returned = {
            order: (await tx.lines_of_order(SELLER, OrderId(order)))[0].returned for order in ("kept", "cancelled")
        }
        assert returned == {"kept": 0, "cancelled": 2}
        [listing] = await tx.unowned(SELLER)
        assert (listing.listing.quantity, listing.read_at, listing.missed_at) == (4, None, None)
    await engine.dispose()
