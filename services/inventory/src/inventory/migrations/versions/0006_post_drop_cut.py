"""Drop from order lines whether they are cut: those with returned pieces are."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE order_lines DROP COLUMN cut")
