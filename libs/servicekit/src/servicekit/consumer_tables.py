"""The tables in which a consumer keeps where it is, which database it is in, and what it could not read."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def create_consumer_tables(op: "Operations", *, app_role: str) -> None:
    """Create the consumers' tables, for use in a migration; `app_role` is the role that the service runs as."""
    op.create_table(
        "consumer_positions",
        sa.Column("consumer_group", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column("catch_up_to", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "database_noted",
        sa.Column("consumer_group", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
    )
    op.create_table(
        "undecodable_records",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("consumer_group", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("record_offset", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("undecodable_records_by_time", "undecodable_records", ["consumer_group", "recorded_at"])
    for table in ("consumer_positions", "database_noted"):
        op.execute(f'GRANT SELECT, INSERT, UPDATE ON {table} TO "{app_role}"')
    op.execute(f'GRANT SELECT, INSERT, DELETE ON undecodable_records TO "{app_role}"')
