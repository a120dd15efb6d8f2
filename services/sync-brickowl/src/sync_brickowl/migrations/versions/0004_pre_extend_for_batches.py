"""Add to the engine's tables what calls of several things were seen to do."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_batches

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    extend_for_batches(Operations(op.get_context()))
