"""Let old answers be found without reading all: they are kept for repeats, and not for ever."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("requests_by_age", "requests", ["answered_at"])
