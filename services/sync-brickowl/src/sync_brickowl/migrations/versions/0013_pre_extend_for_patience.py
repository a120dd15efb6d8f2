"""Add to the engine's tables how long reads are given, and how often calls for one lot failed in a row."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_patience

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    extend_for_patience(Operations(op.get_context()))
