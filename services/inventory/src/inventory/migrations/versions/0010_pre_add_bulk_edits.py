"""Add bulk edits: one edit of many lots, which lots they are, and which changes came of it."""

from alembic import op

revision = "0010"
down_revision = "0009"

APP_ROLE = "inventory"

BULK_EDITS = """
CREATE TABLE bulk_edits (
    bulk_edit_id uuid PRIMARY KEY,
    seller_id text NOT NULL,
    edit jsonb NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    correlation_id text NOT NULL,
    total_lots integer NOT NULL,
    changed_lots integer NOT NULL,
    unchanged_lots integer NOT NULL,
    refused_lots integer NOT NULL,
    last_lot_id uuid,
    created_at timestamptz NOT NULL,
    moved_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX bulk_edits_running ON bulk_edits (moved_at) WHERE finished_at IS NULL;

CREATE TABLE bulk_edit_lots (
    bulk_edit_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    field text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (bulk_edit_id, lot_id)
);
CREATE INDEX bulk_edit_lots_refused ON bulk_edit_lots (bulk_edit_id, lot_id) WHERE reason <> '';

ALTER TABLE changes ADD COLUMN bulk_edit_id uuid;
CREATE INDEX changes_by_bulk_edit ON changes (bulk_edit_id, change_id) WHERE bulk_edit_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(BULK_EDITS)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON bulk_edits, bulk_edit_lots TO {APP_ROLE}")
