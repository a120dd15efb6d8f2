"""Keep what the last test of a shop's keys came to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "validations",
        sa.Column("seller_id", sa.Text, primary_key=True),
        sa.Column("marketplace", sa.Text, primary_key=True),
        sa.Column("key_version", sa.BigInteger, nullable=False),
        sa.Column("validated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON validations TO credentials")
