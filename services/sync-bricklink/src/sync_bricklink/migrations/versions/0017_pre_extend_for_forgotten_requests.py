"""Let requests be forgotten that were answered long ago."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_forgotten_requests

revision = "0017"
down_revision = "0016"

APP_ROLE = "sync_bricklink"


def upgrade() -> None:
    extend_for_forgotten_requests(Operations(op.get_context()), app_role=APP_ROLE)
