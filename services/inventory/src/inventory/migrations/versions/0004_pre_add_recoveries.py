"""Add recoveries: why nothing is published, and how far the lots have come out of a restored database (rule T6)."""

from alembic import op

revision = "0004"
down_revision = "0003"

APP_ROLE = "inventory"

RECOVERIES = """
CREATE TABLE recoveries (
    recovery_id uuid PRIMARY KEY,
    why text NOT NULL,
    waits boolean NOT NULL,
    epoch bigint,
    last_lot_id uuid,
    lots bigint NOT NULL,
    found_at timestamptz NOT NULL,
    finished_at timestamptz,
    identity text,
    CHECK ((finished_at IS NULL) = (identity IS NULL))
);
CREATE UNIQUE INDEX recoveries_open ON recoveries ((finished_at IS NULL)) WHERE finished_at IS NULL;
"""


def upgrade() -> None:
    op.execute(RECOVERIES)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON recoveries TO {APP_ROLE}")
