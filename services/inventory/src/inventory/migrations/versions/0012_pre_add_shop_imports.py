"""Add what an import from a shop needs: whose listings its rows are, and which lots have which listings (rule S7)."""

from alembic import op

revision = "0012"
down_revision = "0011"

# No sale changes listing_ids, so the index costs nothing then (ADR 10). Without fastupdate: an import looks into it in
# each of its chunks, just after the last one wrote to it.
SHOP_IMPORTS = """
ALTER TABLE imports
    ADD COLUMN marketplace text NOT NULL DEFAULT '',
    ADD COLUMN matched_rows integer NOT NULL DEFAULT 0;
ALTER TABLE import_rows ADD COLUMN listing_id text NOT NULL DEFAULT '';
CREATE INDEX lots_by_listing ON lots USING gin (listing_ids jsonb_path_ops) WITH (fastupdate = off);
"""


def upgrade() -> None:
    op.execute(SHOP_IMPORTS)
