"""Create the tables of the engine, the consumer's and the outbox."""

from alembic import op
from alembic.operations import Operations

from servicekit.consumer import create_consumer_tables
from servicekit.outbox import create_outbox
from syncengine.migrations import (
    create_engine_tables,
    extend_for_all_rules,
    extend_for_answers,
    extend_for_catalogues,
    extend_for_many_lots,
    extend_for_shop_imports,
)

revision = "0001"
down_revision = None

APP_ROLE = "sync_brickowl"


def upgrade() -> None:
    operations = Operations(op.get_context())
    create_engine_tables(operations, app_role=APP_ROLE)
    extend_for_all_rules(operations)
    extend_for_answers(operations, app_role=APP_ROLE)
    extend_for_many_lots(operations)
    extend_for_shop_imports(operations)
    extend_for_catalogues(operations, app_role=APP_ROLE)
    create_consumer_tables(operations, app_role=APP_ROLE)
    create_outbox(operations, app_role=APP_ROLE)
