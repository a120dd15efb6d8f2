"""Add to the engine's tables what pings need: how they name a connection, and the polls that they bring forward."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_pings

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    extend_for_pings(Operations(op.get_context()))
