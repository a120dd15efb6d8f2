"""Add to the engine's tables what lots are of in a marketplace's own catalogue: none of BrickLink's, whose is ours."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_catalogues

revision = "0006"
down_revision = "0005"

APP_ROLE = "sync_bricklink"


def upgrade() -> None:
    extend_for_catalogues(Operations(op.get_context()), app_role=APP_ROLE)
