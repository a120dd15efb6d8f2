"""The engine's tables as the newest migration leaves them, with the house's own beside them."""

from alembic.operations import Operations

from servicekit.consumer import create_consumer_tables
from servicekit.outbox import create_outbox
from syncengine.migrations import (
    create_engine_tables,
    extend_for_all_rules,
    extend_for_answers,
    extend_for_batches,
    extend_for_candidates,
    extend_for_catalogues,
    extend_for_defaults,
    extend_for_forgotten_requests,
    extend_for_hidden_listings,
    extend_for_lapsed_pins,
    extend_for_many_lots,
    extend_for_patience,
    extend_for_pings,
    extend_for_polling,
    extend_for_renamed_shops,
    extend_for_sales_first,
    extend_for_second_lists,
    extend_for_shop_imports,
    extend_for_tested_keys,
    extend_for_unread_orders,
)


def create_newest_tables(op: Operations, *, app_role: str) -> None:
    """Create them all in an empty database."""
    create_outbox(op, app_role=app_role)
    create_consumer_tables(op, app_role=app_role)
    create_engine_tables(op, app_role=app_role)
    extend_to_newest(op, app_role=app_role)


def extend_to_newest(op: Operations, *, app_role: str) -> None:
    """Bring the engine's first tables to their newest form, with what is in them."""
    extend_for_all_rules(op)
    extend_for_answers(op, app_role=app_role)
    extend_for_many_lots(op)
    extend_for_shop_imports(op)
    extend_for_catalogues(op, app_role=app_role)
    extend_for_second_lists(op)
    extend_for_renamed_shops(op)
    extend_for_batches(op)
    extend_for_defaults(op)
    extend_for_candidates(op)
    extend_for_hidden_listings(op)
    extend_for_lapsed_pins(op)
    extend_for_tested_keys(op)
    extend_for_polling(op)
    extend_for_pings(op)
    extend_for_forgotten_requests(op, app_role=app_role)
    extend_for_patience(op)
    extend_for_sales_first(op)
    extend_for_unread_orders(op)
