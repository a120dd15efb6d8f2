"""Let the lifecycle hold rotations: some of a shop's values replaced."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_constraint("lifecycle_kind_known", "lifecycle")
    op.create_check_constraint("lifecycle_kind_known", "lifecycle", "kind IN ('put', 'rotate', 'revoke')")
