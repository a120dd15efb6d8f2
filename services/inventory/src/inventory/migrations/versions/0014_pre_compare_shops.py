"""Add what tells in what a shop's listings and lots differ, whose values are taken, and when each shop was counted."""

from alembic import op

revision = "0014"
down_revision = "0013"

COMPARE_SHOPS = """
ALTER TABLE lots ADD COLUMN counted_ats jsonb NOT NULL DEFAULT '{}';
ALTER TABLE imports
    ADD COLUMN different_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN different_quantity_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN different_price_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN different_rest_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN unmatched_lots integer NOT NULL DEFAULT 0;
ALTER TABLE import_rows
    ADD COLUMN differing text[] NOT NULL DEFAULT '{}',
    ADD COLUMN takes text[] NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    op.execute(COMPARE_SHOPS)
