"""Add to the engine's tables what many lots at once need, and an account of writes."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_many_lots

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    extend_for_many_lots(Operations(op.get_context()))
