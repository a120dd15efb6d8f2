"""Add to the engine's tables since when a listing has been hidden."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_hidden_listings

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    extend_for_hidden_listings(Operations(op.get_context()))
