"""Add to the engine's tables what a seller wants fields to be that inventory does not say."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_defaults

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    extend_for_defaults(Operations(op.get_context()))
