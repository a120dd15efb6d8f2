"""The tables, as the newest migration leaves them."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

METADATA: Final = MetaData()

CREDENTIALS: Final = Table(
    "credentials",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("key_version", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("shop_name", Text, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("shop_is_empty", Boolean, nullable=False),
    Column("connected_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("updated_by", Text, nullable=False),
    # the sealed keys; all null after a revoke
    Column("kek_id", Text),
    Column("wrapped_data_key", LargeBinary),
    Column("nonce", LargeBinary),
    Column("sealed_keys", LargeBinary),
    Column("sealed_at", DateTime(timezone=True)),
)

LIFECYCLE: Final = Table(
    "lifecycle",
    METADATA,
    Column("lifecycle_id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("seller_id", Text, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key_version", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    # null in rows from before there were chains
    Column("position", BigInteger),
    Column("mac", LargeBinary),
)

LEASE_LOG: Final = Table(
    "lease_log",
    METADATA,
    Column("lease_id", UUID(as_uuid=True), primary_key=True, server_default=text("gen_random_uuid()")),
    Column("at", DateTime(timezone=True), primary_key=True),
    Column("caller", Text, nullable=False),
    Column("seller_id", Text, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("key_version", BigInteger),
    Column("expires_at", DateTime(timezone=True)),
    Column("granted", Boolean, nullable=False),
    Column("refusal", Text),
    Column("correlation_id", Text, nullable=False),
    Column("certificate", Text, nullable=False),
)

REQUESTS: Final = Table(
    "requests",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("kek_id", Text, nullable=False),
    Column("wrapped_mac_key", LargeBinary, nullable=False),
    Column("body_mac", LargeBinary, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("answered_at", DateTime(timezone=True), nullable=False),
)

AUDIT_KEYS: Final = Table(
    "audit_keys",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("kek_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
)

DATA_ROTATIONS: Final = Table(
    "data_rotations",
    METADATA,
    Column("started_at", DateTime(timezone=True), primary_key=True),
    Column("ended_at", DateTime(timezone=True)),
)

VALIDATIONS: Final = Table(
    "validations",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("key_version", BigInteger, nullable=False),
    Column("validated_at", DateTime(timezone=True), nullable=False),
    Column("result", Text, nullable=False),
)
