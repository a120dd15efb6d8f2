"""Add to the engine's tables what pings need: how they name a connection, and the polls that they bring forward."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_pings

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    extend_for_pings(Operations(op.get_context()))
