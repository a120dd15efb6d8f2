"""Add to the engine's tables which entries an item may be in a marketplace's own catalogue."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_candidates

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    extend_for_candidates(Operations(op.get_context()))
