"""Add what a person says of a return (rule S4)."""

from alembic import op

revision = "0011"
down_revision = "0010"

ANSWERS = """
ALTER TABLE order_lines
    ADD COLUMN put_back bigint NOT NULL DEFAULT 0,
    ADD COLUMN written_off bigint NOT NULL DEFAULT 0;
ALTER TABLE returns ADD COLUMN answer text NOT NULL DEFAULT '';
"""


def upgrade() -> None:
    op.execute(ANSWERS)
