"""Add to the engine's tables when somebody asked whether the keys open the shop, and what came of it."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_tested_keys

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    extend_for_tested_keys(Operations(op.get_context()))
