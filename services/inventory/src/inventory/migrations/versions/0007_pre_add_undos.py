"""Add undos: which change undid which, and the undo of whole imports (design, section 3)."""

from alembic import op

revision = "0007"
down_revision = "0006"

APP_ROLE = "inventory"

UNDOS = """
CREATE TABLE undos (
    undoes uuid PRIMARY KEY,
    undone_by uuid NOT NULL UNIQUE
);

CREATE TABLE import_undos (
    import_id uuid PRIMARY KEY,
    seller_id text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    correlation_id text NOT NULL,
    total_changes integer NOT NULL,
    undone_changes integer NOT NULL,
    refused_changes integer NOT NULL,
    last_change_id uuid,
    created_at timestamptz NOT NULL,
    moved_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX import_undos_running ON import_undos (moved_at) WHERE finished_at IS NULL;

CREATE TABLE undo_refusals (
    import_id uuid NOT NULL,
    change_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (import_id, change_id)
);
"""


def upgrade() -> None:
    op.execute(UNDOS)
    op.execute(f"GRANT SELECT, INSERT ON undos, undo_refusals TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON import_undos TO {APP_ROLE}")
