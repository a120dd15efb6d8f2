"""Add to the engine's tables when what one list lacked is looked for again."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_second_lists

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    extend_for_second_lists(Operations(op.get_context()))
