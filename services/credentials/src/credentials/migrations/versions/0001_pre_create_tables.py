"""Create every table; `lifecycle` and `lease_log` can only be appended to."""

import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations
from sqlalchemy.dialects import postgresql

from servicekit.outbox import create_outbox

revision = "0001"
down_revision = None

APP_ROLE = "credentials"


def upgrade() -> None:
    _create_credentials()
    _create_lifecycle()
    _create_lease_log()
    _create_requests()
    _refuse_changes_of_the_past()
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON credentials TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON lifecycle, lease_log, requests TO {APP_ROLE}")
    create_outbox(Operations(op.get_context()), app_role=APP_ROLE)


def _create_credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("seller_id", sa.Text, primary_key=True),
        sa.Column("marketplace", sa.Text, primary_key=True),
        sa.Column("key_version", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("shop_name", sa.Text, nullable=False),
        sa.Column("currency_code", sa.Text, nullable=False),
        sa.Column("shop_is_empty", sa.Boolean, nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("kek_id", sa.Text),
        sa.Column("wrapped_data_key", sa.LargeBinary),
        sa.Column("nonce", sa.LargeBinary),
        sa.Column("sealed_keys", sa.LargeBinary),
        sa.CheckConstraint("key_version > 0", name="credentials_key_version_positive"),
        sa.CheckConstraint(
            "num_nulls(kek_id, wrapped_data_key, nonce, sealed_keys) = CASE WHEN enabled THEN 0 ELSE 4 END",
            name="credentials_sealed_iff_enabled",
        ),
    )


def _create_lifecycle() -> None:
    op.create_table(
        "lifecycle",
        sa.Column("lifecycle_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("marketplace", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key_version", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.CheckConstraint("kind IN ('put', 'revoke')", name="lifecycle_kind_known"),
        sa.UniqueConstraint("seller_id", "marketplace", "key_version", "kind", name="lifecycle_once"),
    )
    op.create_index("lifecycle_by_credential", "lifecycle", ["seller_id", "marketplace", "lifecycle_id"])


def _create_lease_log() -> None:
    # Partitioned from the start, because a plain table cannot become so in place; retention will drop partitions.
    op.create_table(
        "lease_log",
        sa.Column("lease_id", postgresql.UUID(as_uuid=True), server_default=sa.text("gen_random_uuid()")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("marketplace", sa.Text, nullable=False),
        sa.Column("key_version", sa.BigInteger),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("refusal", sa.Text),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("lease_id", "at"),
        sa.CheckConstraint(
            "CASE WHEN granted THEN num_nulls(key_version, expires_at) = 0 AND refusal IS NULL"
            " ELSE refusal IS NOT NULL END",
            name="lease_log_granted_or_refused",
        ),
        postgresql_partition_by="RANGE (at)",
    )
    op.execute("CREATE TABLE lease_log_rest PARTITION OF lease_log DEFAULT")
    op.create_index("lease_log_by_seller", "lease_log", ["seller_id", "at"])


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("seller_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("kek_id", sa.Text, nullable=False),
        sa.Column("wrapped_mac_key", sa.LargeBinary, nullable=False),
        sa.Column("body_mac", sa.LargeBinary, nullable=False),
        sa.Column("answer", postgresql.JSONB, nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    )


def _refuse_changes_of_the_past() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
        END
        $$
        """
    )
    # A partition is named too: a statement trigger of the whole does not see a statement about a part.
    for table in ("lifecycle", "lease_log", "lease_log_rest"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
