"""Add to the engine's tables which orders' lines could not be read."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_unread_orders

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    extend_for_unread_orders(Operations(op.get_context()))
