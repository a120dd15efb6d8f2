"""Add to the engine's tables what pings need: how they name a connection, and the polls that they bring forward."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_hints

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    extend_for_hints(Operations(op.get_context()))
