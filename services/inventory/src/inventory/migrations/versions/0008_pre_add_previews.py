"""Add previews of imports, rows that wait to be judged, and what was found and chosen for each."""

from alembic import op

revision = "0008"
down_revision = "0007"

# Without a value from older code these say what was true before: an import that runs, of rows that nobody compared.
PREVIEWS = """
ALTER TABLE imports
    ADD COLUMN stage text NOT NULL DEFAULT 'RUNNING',
    ADD COLUMN preview boolean NOT NULL DEFAULT false,
    ADD COLUMN fields text[] NOT NULL DEFAULT '{}',
    ADD COLUMN judged_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN duplicate_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN ambiguous_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN repeated_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN updated_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN skipped_rows integer NOT NULL DEFAULT 0,
    ADD COLUMN expires_at timestamptz;

ALTER TABLE import_rows
    ADD COLUMN said jsonb,
    ADD COLUMN place integer,
    ADD COLUMN verdict text NOT NULL DEFAULT '',
    ADD COLUMN candidates jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN duplicate_of uuid,
    ADD COLUMN quantity_then bigint,
    ADD COLUMN reserved_then bigint,
    ADD COLUMN repeats integer,
    ADD COLUMN choice text NOT NULL DEFAULT '',
    DROP CONSTRAINT import_rows_check,
    ADD CONSTRAINT import_rows_check CHECK (said IS NOT NULL OR (lot IS NULL) = (reason <> ''));
CREATE INDEX import_rows_by_place ON import_rows (import_id, COALESCE(place, number));
"""


def upgrade() -> None:
    op.execute(PREVIEWS)
