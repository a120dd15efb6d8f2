"""Let the undo of a whole import or bulk edit be undone itself: a redo, and so on, step by step."""

from alembic import op

revision = "0013"
down_revision = "0012"

# Changes that were undone before this say nothing of their operation: they are redone one by one.
REDOS = """
ALTER TABLE undos ADD COLUMN operation_id uuid, ADD COLUMN step smallint;
CREATE INDEX undos_by_step ON undos (operation_id, step) WHERE operation_id IS NOT NULL;

ALTER TABLE import_undos ADD COLUMN step smallint NOT NULL DEFAULT 1;
ALTER TABLE import_undos DROP CONSTRAINT import_undos_pkey, ADD PRIMARY KEY (import_id, step);

ALTER TABLE undo_refusals ADD COLUMN step smallint NOT NULL DEFAULT 1;
ALTER TABLE undo_refusals DROP CONSTRAINT undo_refusals_pkey, ADD PRIMARY KEY (import_id, step, change_id);
"""


def upgrade() -> None:
    op.execute(REDOS)
