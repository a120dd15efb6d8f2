"""Add to the engine's tables what returns, conflicts, changed items, the guard and the shop's own limits need."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_all_rules

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    extend_for_all_rules(Operations(op.get_context()))
