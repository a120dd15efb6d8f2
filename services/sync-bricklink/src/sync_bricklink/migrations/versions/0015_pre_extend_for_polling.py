"""Add to the engine's tables when orders are read next, and a way to the orders of the last weeks."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_polling

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    extend_for_polling(Operations(op.get_context()))
