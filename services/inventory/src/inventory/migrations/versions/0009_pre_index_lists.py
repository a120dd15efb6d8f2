"""Index what lots and changes are listed by.

Only columns that no sale changes: so what a sale updates stays in its page and touches no index. With an index on
quantity or updated_at it took five times as long and wrote ten times as much log; by these two the seller's lots are
sorted when somebody asks. By item_no `lots_by_item` serves.

pg_trgm comes with PostgreSQL (contrib) and is trusted: the owner of a database may create it.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

LOTS = r"""
CREATE INDEX lots_by_price ON lots (seller_id, unit_price, lot_id);
CREATE INDEX lots_by_remarks ON lots (seller_id, remarks, lot_id);
CREATE INDEX lots_by_location ON lots (seller_id, location, lot_id);
CREATE INDEX lots_by_tag ON lots USING gin (tags);

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX lots_by_text ON lots
    USING gin ((item_no || E'\x1f' || description || E'\x1f' || remarks) gin_trgm_ops);

ALTER TABLE lot_reports ADD COLUMN tells_trouble boolean NOT NULL
    GENERATED ALWAYS AS (jsonb_path_exists(groups, '$.*.state ? (@ != "SYNCED" && @ != "PENDING")')) STORED;
CREATE INDEX lot_reports_of_trouble ON lot_reports (seller_id, marketplace, lot_id) WHERE tells_trouble;
"""

CHANGES = """
CREATE INDEX changes_by_actor ON changes (seller_id, actor, change_id);
CREATE INDEX changes_by_type ON changes (seller_id, type, change_id);
CREATE INDEX changes_by_time ON changes (seller_id, recorded_at);
"""


def upgrade() -> None:
    op.execute(LOTS)
    op.execute(CHANGES)
