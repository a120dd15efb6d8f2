"""Add to the engine's tables what calls need that make several listings."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_several_creates

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    extend_for_several_creates(Operations(op.get_context()))
