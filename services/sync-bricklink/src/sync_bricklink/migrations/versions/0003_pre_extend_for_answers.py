"""Add to the engine's tables what a person's answers need."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_answers

revision = "0003"
down_revision = "0002"

APP_ROLE = "sync_bricklink"


def upgrade() -> None:
    extend_for_answers(Operations(op.get_context()), app_role=APP_ROLE)
