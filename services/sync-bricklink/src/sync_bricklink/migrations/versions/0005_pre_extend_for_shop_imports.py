"""Add to the engine's tables when the pieces of a shop's listings were counted."""

from alembic import op
from alembic.operations import Operations

from syncengine.migrations import extend_for_shop_imports

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    extend_for_shop_imports(Operations(op.get_context()))
