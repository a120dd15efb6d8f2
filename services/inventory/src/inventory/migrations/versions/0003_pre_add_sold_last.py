"""Add to lots whether a sale changed their quantity last (rule B5)."""

from alembic import op

revision = "0003"
down_revision = "0002"

SOLD_LAST = """
ALTER TABLE lots ADD COLUMN sold_last boolean NOT NULL DEFAULT false;

UPDATE lots SET sold_last = true
FROM (
    SELECT DISTINCT ON (lot_id) lot_id, source FROM changes WHERE quantity_delta <> 0 ORDER BY lot_id, revision DESC
) AS newest
WHERE lots.lot_id = newest.lot_id AND newest.source = 'ORDER';
"""


def upgrade() -> None:
    op.execute(SOLD_LAST)
