"""Let records be sealed anew under fresh data keys, and wrapped keys be wrapped anew."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

APP_ROLE = "credentials"


def upgrade() -> None:
    op.add_column("credentials", sa.Column("generation", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("credentials", sa.Column("sealed_at", sa.DateTime(timezone=True)))
    op.add_column("lifecycle", sa.Column("generation", sa.BigInteger, nullable=False, server_default="0"))
    op.drop_constraint("lifecycle_kind_known", "lifecycle")
    op.create_check_constraint("lifecycle_kind_known", "lifecycle", "kind IN ('put', 'rotate', 'reseal', 'revoke')")
    op.drop_constraint("lifecycle_once", "lifecycle")
    op.create_unique_constraint(
        "lifecycle_once", "lifecycle", ["seller_id", "marketplace", "key_version", "generation", "kind"]
    )
    op.execute(f"GRANT UPDATE (kek_id, wrapped_mac_key) ON requests TO {APP_ROLE}")
    op.create_table(
        "data_rotations",
        sa.Column("started_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON data_rotations TO {APP_ROLE}")
