"""What may be sent for a lot: its plan, after what is futile or would be wrong was set aside. Pure (rules F3, W2)."""

from syncengine.listing import Group
from syncengine.marketplace import Facts, Remove
from syncengine.plan import ANOTHER_CURRENCY, Plan, Send, plan
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ListingRow
from syncengine.settle import applied_too_often, park


def sendable(
    row: ListingRow, connection: ConnectionRow, facts: Facts, *, may_increase: bool
) -> tuple[ListingRow, Plan]:
    """Plan, after parking what the shop took twice in this revision and still does not show (rule F3), or what is in
    another currency than the shop's (rule W2).
    """
    planned = plan(row, facts, may_increase=may_increase)
    while isinstance(planned, Send) and not isinstance(planned.write, Remove):
        futile = {group: "APPLIED_TWICE" for group in planned.groups if applied_too_often(row, group)}
        if Group.PRICE in planned.groups and _is_foreign(row, connection):
            futile[Group.PRICE] = ANOTHER_CURRENCY
        if not futile:
            break
        for group, reason in futile.items():
            row = park(row, group, reason, facts, row.revision)
        planned = plan(row, facts, may_increase=may_increase)
    return row, planned


def _is_foreign(row: ListingRow, connection: ConnectionRow) -> bool:
    currency = row.desired.currency_code
    return bool(currency and connection.pinned_currency) and currency != connection.pinned_currency
