"""Add to lots which of their listings were made for them (rule C3)."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE lots ADD COLUMN created_listing_ids jsonb NOT NULL DEFAULT '{}'")
