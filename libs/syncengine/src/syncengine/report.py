"""What a lot's row says to inventory: derived each time the row is saved, and told once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from brickops.inventory.v1 import lot_sync_pb2
from syncengine.drift import groups_in_conflict
from syncengine.events import Event, GroupReport, lot_settled, next_seq
from syncengine.listing import Group, ListingId
from syncengine.marketplace import Facts
from syncengine.plan import ANOTHER_CURRENCY, is_settled
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import CHANGED_IN_SHOP, ITEM, ListingRow, Trouble

WORDS = {
    Trouble.NUMBER_UNEXPLAINED: "The shop shows another quantity than our books, and no order explains it.",
    Trouble.GONE_UNEXPLAINED: "The listing is gone from the shop, and no order explains it.",
    Trouble.LOOK_ALIKE: "The shop has a listing of the same item that may or may not be this lot.",
    Trouble.ORDER_UNASSIGNED: "An order has pieces of this item from a listing that we do not know; whose are they?",
    Trouble.LEFT_OUT: "You left it out of this shop. Say that it is to be listed there, and it is.",
    Trouble.CREATE_UNEXPLAINED: "The shop shows several listings that this lot's creation may have made.",
}

CHANGED_THERE = (
    "Somebody changed this in the shop itself. It is left as it is there until you decide: a new value here does."
)


def reported(
    row: ListingRow, connection: ConnectionRow, facts: Facts, listing_ids: Mapping[ListingId, bool], now: datetime
) -> tuple[ListingRow, Event | None]:
    """Advance what is settled, and tell it if that differs from what was told last.

    Before the census that C1 asks for, our books say nothing about the shop: nothing is settled by them; nor by a lot's
    having no listing while another list is wanted. Of a seller who never had a shop here nothing is told at all:
    inventory knows by that silence that none is connected.
    """
    if connection.connected_at is None:
        return row, None
    believed = connection.census_reason is None and (row.listing_id is not None or connection.list_wanted_at is None)
    settled = {
        group: row.revision if believed and is_settled(row, facts, group) else row.settled.get(group, 0)
        for group in Group
    }
    groups = [_report(row, facts, group, settled[group]) for group in Group]
    told = "|".join([row.listing_id or "", *(f"{g.state}:{g.settled_revision}:{g.reason}" for g in groups)])
    if told == row.told:
        return replace(row, settled=settled), None
    seq = next_seq(row.result_seq, now)
    event = lot_settled(
        facts.marketplace,
        seller_id=row.seller_id,
        lot_id=row.lot_id,
        listing_id=row.listing_id,
        listing_ids=listing_ids,
        revision=row.revision,
        groups=groups,
        seq=seq,
        correlation_id=row.correlation_id,
    )
    return replace(row, settled=settled, told=told, result_seq=seq), event


def _report(row: ListingRow, facts: Facts, group: Group, settled: int) -> GroupReport:
    if group in row.parked:
        return GroupReport(
            group=group,
            state=lot_sync_pb2.SYNC_STATE_FAILED,
            settled_revision=settled,
            reason=refusal_words(row.parked[group].reason),
        )
    if ITEM in row.conflicts or group in groups_in_conflict(row, facts):
        return GroupReport(
            group=group, state=lot_sync_pb2.SYNC_STATE_CONFLICT, settled_revision=settled, reason=CHANGED_THERE
        )
    if row.trouble is not None and (group is Group.QUANTITY or row.listing_id is None):
        return GroupReport(
            group=group,
            state=lot_sync_pb2.SYNC_STATE_CONFLICT,
            settled_revision=settled,
            reason=WORDS[row.trouble],
        )
    if row.unknown or (group is Group.QUANTITY and (row.look_since is not None or row.may_show_more)):
        return GroupReport(
            group=group,
            state=lot_sync_pb2.SYNC_STATE_UNKNOWN,
            settled_revision=settled,
            reason="Sent, but the shop has not confirmed it; it is being looked at.",
        )
    # A group that merely waits is not told: inventory derives "pending" from the revisions.
    return GroupReport(group=group, state=lot_sync_pb2.SYNC_STATE_SYNCED, settled_revision=settled)


def reason_words(reason: str) -> str:
    """Put any reason for which a lot waits for a person into a seller's words."""
    if reason == CHANGED_IN_SHOP:
        return CHANGED_THERE
    return WORDS[Trouble(reason)] if reason in list(Trouble) else refusal_words(reason)


_REFUSALS = {
    ANOTHER_CURRENCY: "The lot's price is in another currency than the shop's; price it in the shop's currency.",
    "APPLIED_TWICE": "The shop accepted it twice and still shows something else; it was set aside.",
}


def refusal_words(reason: str) -> str:
    """Put a constant word of ours for a refusal into a seller's words."""
    plain = reason.replace("_", " ").lower()
    return _REFUSALS.get(
        reason, f"The shop refused it ({plain}). Change the lot, or ask the marketplace, and it is tried again."
    )
