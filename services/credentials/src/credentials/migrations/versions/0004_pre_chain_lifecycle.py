"""Chain the lifecycle of each seller by HMAC, and keep which certificate asked.

Rows from before have no place in a chain; a seller's first row with one vouches for those before it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

APP_ROLE = "credentials"


def upgrade() -> None:
    op.add_column("lifecycle", sa.Column("certificate", sa.Text, nullable=False, server_default=""))
    op.add_column("lifecycle", sa.Column("position", sa.BigInteger))
    op.add_column("lifecycle", sa.Column("mac", sa.LargeBinary))
    op.create_check_constraint("lifecycle_mac_iff_position", "lifecycle", "(position IS NULL) = (mac IS NULL)")
    op.create_unique_constraint("lifecycle_position_once", "lifecycle", ["seller_id", "position"])
    op.add_column("lease_log", sa.Column("certificate", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "audit_keys",
        sa.Column("seller_id", sa.Text, primary_key=True),
        sa.Column("kek_id", sa.Text, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE (kek_id, wrapped_key) ON audit_keys TO {APP_ROLE}")
