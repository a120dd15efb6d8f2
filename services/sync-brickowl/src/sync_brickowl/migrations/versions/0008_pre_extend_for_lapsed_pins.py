"""Add to the engine's tables whose pin counts where two sellers came to have one shop."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_lapsed_pins

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    extend_for_lapsed_pins(Operations(op.get_context()))
