"""Add to the engine's tables what a person says of a shop whose name is another than the connection's."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_renamed_shops

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    extend_for_renamed_shops(Operations(op.get_context()))
