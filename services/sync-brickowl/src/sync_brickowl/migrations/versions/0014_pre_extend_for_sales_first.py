"""Add to the engine's tables which lots are offered though they were sold."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_sales_first

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    extend_for_sales_first(Operations(op.get_context()))
