"""Add returns: pieces that left an order and are not in their lot's quantity (rules S4, C3)."""

from alembic import op

revision = "0002"
down_revision = "0001"

APP_ROLE = "inventory"

RETURNS = """
ALTER TABLE order_lines
    ADD COLUMN told_returned bigint NOT NULL DEFAULT 0,
    ADD COLUMN sold bigint NOT NULL DEFAULT 0;

CREATE TABLE returns (
    return_id uuid PRIMARY KEY,
    seller_id text NOT NULL,
    marketplace text NOT NULL,
    order_id text NOT NULL,
    listing_id text NOT NULL,
    lot_id uuid NOT NULL,
    pieces bigint NOT NULL CHECK (pieces > 0),
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE UNIQUE INDEX returns_open ON returns (seller_id, marketplace, order_id, listing_id) WHERE closed_at IS NULL;
CREATE INDEX returns_by_seller ON returns (seller_id, return_id);
"""

# What was sold so far is in the change log alone.
SOLD_SO_FAR = """
UPDATE order_lines SET sold = counted.pieces
FROM (
    SELECT seller_id, marketplace, order_id, listing_id, -sum(quantity_delta) AS pieces
    FROM changes WHERE source = 'ORDER' GROUP BY seller_id, marketplace, order_id, listing_id
) AS counted
WHERE (order_lines.seller_id, order_lines.marketplace, order_lines.order_id, order_lines.listing_id)
    = (counted.seller_id, counted.marketplace, counted.order_id, counted.listing_id)
"""

# Totals that were kept although a lower one was told. The ids are UUIDv7, as the service gives them.
KEPT_SO_FAR = """
INSERT INTO returns (return_id, seller_id, marketplace, order_id, listing_id, lot_id, pieces, opened_at)
SELECT
    encode(
        set_bit(set_bit(overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6
        ), 52, 1), 53, 1),
        'hex'
    )::uuid,
    seller_id, marketplace, order_id, listing_id, lot_id, total - told_total, now()
FROM order_lines WHERE total > told_total
"""


def upgrade() -> None:
    for statement in (RETURNS, SOLD_SO_FAR, KEPT_SO_FAR):
        op.execute(statement)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON returns TO {APP_ROLE}")
