"""What an outcome does to a lot's row: pure, and applied to the row as it is when the outcome is known."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from syncengine.drift import noticed, shown_values, written_fields
from syncengine.listing import Group, Listing, ListingId, age
from syncengine.marketplace import (
    TURNED_AWAY,
    Applied,
    Create,
    Facts,
    Gone,
    Halted,
    Later,
    Outcome,
    Refused,
    Remove,
    Unknown,
    Update,
    Write,
)
from syncengine.plan import desired_values
from syncengine.rows.intent import NO_ID_IN_REPLY, Fate, Intent
from syncengine.rows.listing import FOR_SALE, ListingRow, Parked, Trouble
from syncengine.settings import Settings


def settle(row: ListingRow, intent: Intent, outcome: Outcome, facts: Facts, now: datetime) -> tuple[ListingRow, Intent]:
    """Book the outcome of an intent on its row (rules Q1, F1-F3, K3)."""
    match outcome:
        case Applied(listing=None, listing_id=str() as listing_id) if isinstance(intent.write, Create):
            return _named(row, intent, ListingId(listing_id), facts, now)
        case Applied(listing=None) if isinstance(intent.write, Create):
            return _unknown(row, replace(intent, answered_at=now), NO_ID_IN_REPLY)  # the listing is found by looking
        case Applied(listing=Listing() as listing) if isinstance(intent.write, Create):
            row = _check_reply(created(row, intent, listing.listing_id), intent, listing, facts, now)
            return row, closed(intent, Fate.APPLIED, now)
        case Applied(listing=listing):
            row = _check_reply(applied(row, intent, now), intent, listing, facts, now)
            return row, closed(intent, Fate.APPLIED, now)
        case Gone() if isinstance(intent.write, Remove) and not row.ledger:
            return applied(row, intent, now), closed(intent, Fate.APPLIED, now)  # a repeat is harmless (rule Q3)
        case Gone():
            return wants_look(not_applied(row), now), closed(intent, Fate.NOT_APPLIED, now)  # rule K3
        case Refused(reason=reason):
            return refused(row, intent, reason, facts, now), closed(intent, Fate.REFUSED, now, reason)
        case Later(reason=reason) | Halted(reason=reason):
            return not_applied(row), closed(intent, Fate.NOT_APPLIED, now, reason)
        case Unknown(reason=reason, answered=answered):
            # Taken for over, it is found done or not, and sent again, soon (ADR 28). Should it land after that look all
            # the same, too few are on sale for a while: the last look repairs a difference of exactly that (rule K5).
            is_over = answered or (reason == TURNED_AWAY and _only_takes_away(intent.write))
            return _unknown(row, replace(intent, answered_at=now) if is_over else intent, reason)


def _only_takes_away(write: Write) -> bool:
    return isinstance(write, Update) and write.delta < 0


def applied(row: ListingRow, intent: Intent, now: datetime) -> ListingRow:
    """Book that an update or removal was done. A create is booked by `created`, once its listing is known."""
    row = _without_intent(row)
    write = intent.write
    if isinstance(write, Remove):
        return replace(unlisted(row), orders_after=now, undone=0)  # rule N4
    if isinstance(write, Create):
        raise TypeError("a create is booked by created()")
    counts = dict(row.applied)
    for group in intent.groups:
        revision, count = counts.get(group, (0, 0))
        counts[group] = (intent.revision, count + 1 if revision == intent.revision else 1)
    row = replace(
        row,
        ledger=None if row.ledger is None else row.ledger + write.delta,
        sent={**row.sent, **write.fields},
        shown={name: value for name, value in row.shown.items() if name not in written_fields(write)},
        sent_for_sale=row.sent_for_sale if write.for_sale is None else write.for_sale,
        hidden_at=row.hidden_at if write.for_sale is None else None if write.for_sale else now,
        sent_retain=row.sent_retain if write.retain is None else write.retain,
        create_with=None,
        undone=0,
        applied=counts,
    )
    if write.delta > 0:
        row = replace(row, orders_after=None)
    if write.delta < 0 and row.ledger is not None and row.ledger <= 0:
        row = replace(row, orders_after=now)  # it may have swallowed pieces just sold (rule K4)
    if row.ledger is not None and row.ledger < 0:
        row = wants_look(row, now)  # rule K3
    return row


def created(row: ListingRow, intent: Intent, listing_id: ListingId) -> ListingRow:
    """Book that a create made this listing; its ledger begins with the pieces sent (rule Q1)."""
    write = intent.write
    if not isinstance(write, Create):
        raise TypeError("only a create makes a listing")
    return replace(
        _without_intent(row),
        listing_id=listing_id,
        listed_item=write.item,
        ledger=write.quantity,
        ledger_from=None,
        doubt=0,
        sent=dict(write.fields),
        shown={},
        conflicts={},
        orders_after=None,
        list_after=None,
        observed=None,
        probation=None,
        sent_for_sale=write.for_sale,
        hidden_at=None,
        sent_retain=write.retain,
        create_with=None,
        undone=0,
    )


def _named(
    row: ListingRow, intent: Intent, listing_id: ListingId, facts: Facts, now: datetime
) -> tuple[ListingRow, Intent]:
    """Book a create that was answered with an id alone. One that was known before is no new listing: the shop put the
    pieces to another of the same item, so the lot has none of its own, and a second try would do the same again.
    """
    if age(listing_id)[0] > intent.above_listing_id:
        # What a new listing is, it showed then: what differs later, somebody changed (rule F2).
        new = {name: value for name, value in facts.created_with.items() if value is not None}
        row = created(row, intent, listing_id)
        told = {name: value for name, value in row.sent.items() if facts.groups[name] is not Group.TEXT}
        row = replace(row, shown={**told, **new, FOR_SALE: True} if new else {})
        return row, closed(intent, Fate.APPLIED, now)
    row = replace(_without_intent(row), trouble=Trouble.CREATE_UNEXPLAINED)
    return row, closed(intent, Fate.UNKNOWN, now, "NO_NEW_LISTING")


def found(row: ListingRow, listing: Listing, read_at: datetime, now: datetime) -> ListingRow:
    """Book a listing that a read showed as the lot's; its ledger begins with that read (rule Q1).

    So do its fields: what the shop made of a text looks like another one now, and may be sent anew (rule F3).
    `read_at` is by the shop's clock, as the dates of its orders are; `now` by ours, as the moments of our calls are.
    """
    return replace(
        row,
        listing_id=listing.listing_id,
        listed_item=listing.item,
        ledger=listing.quantity,
        ledger_from=read_at,
        doubt=0,
        sent=dict(listing.fields),
        applied={},
        shown=shown_values(listing),
        conflicts={},
        sent_for_sale=listing.for_sale,
        hidden_at=None if listing.for_sale else now,
        on_trial=(),
        sent_retain=listing.retain,
        orders_after=None,
        list_after=None,
        observed=None,
        probation=None,
    )


def unlisted(row: ListingRow) -> ListingRow:
    """Book that the lot has no listing any more."""
    return replace(
        row,
        applied={},  # to this one: another is yet to be seen to take nothing (rule F3)
        listing_id=None,
        gone_id=row.listing_id or row.gone_id,
        listed_item=None,
        ledger=None,
        ledger_from=None,
        doubt=0,
        sent={},
        shown={},
        conflicts={},
        sent_retain=False,
        on_trial=(),
    )


def not_applied(row: ListingRow) -> ListingRow:
    """Book that nothing was done: the next plan starts anew."""
    return _without_intent(row)


def found_undone(row: ListingRow, settings: Settings, now: datetime) -> ListingRow:
    """Book that a write of unknown outcome was not done, as a look proved: it is planned anew, at once.

    From the third in a row on it is sent ever less often: each costs a look, of calls that all lots share (rule B2).
    """
    row = replace(row, undone=row.undone + 1)
    pause = (settings.call_deadline + settings.late_window) * 2 ** min(row.undone - 3, 10)
    return replace(row, not_before=now + min(settings.halt_probe_interval, pause) if row.undone > 2 else None)


def refused(row: ListingRow, intent: Intent, reason: str, facts: Facts, now: datetime) -> ListingRow:
    """Send the groups apart, or park the one that was refused alone (rule F1).

    What changed meanwhile was not refused: it is tried.
    """
    row = _without_intent(row)
    write, is_old = intent.write, row.revision != intent.revision
    if isinstance(write, Create):
        if is_old:
            return row
        everything = {name: value for group in Group for name, value in desired_values(row, facts, group).items()}
        return replace(
            row,
            parked={**row.parked, Group.QUANTITY: Parked(reason=reason, revision=intent.revision, values=everything)},
        )
    if len(intent.groups) > 1:
        return replace(row, apart_at=intent.revision)
    group = intent.groups[0]
    if isinstance(write, Remove) or (group is Group.QUANTITY and (write.delta < 0 or write.for_sale is False)):
        return wants_look(row, now)  # rule K3: a decrease is never parked
    return row if is_old else park(row, group, reason, facts, intent.revision)


def park(row: ListingRow, group: Group, reason: str, facts: Facts, revision: int) -> ListingRow:
    """Set one group aside until what is desired of it changes."""
    parked = Parked(reason=reason, revision=revision, values=desired_values(row, facts, group))
    return replace(row, parked={**row.parked, group: parked})


def applied_too_often(row: ListingRow, group: Group) -> bool:
    """Tell whether a group was done twice in the present revision, so that a third time will not help (rule F3)."""
    return group is not Group.QUANTITY and row.applied.get(group, (0, 0)) >= (row.revision, 2)


def _check_reply(row: ListingRow, intent: Intent, listing: Listing | None, facts: Facts, now: datetime) -> ListingRow:
    if isinstance(intent.write, Remove):
        return row
    if listing is None:
        return row if isinstance(intent.write, Create) else _unseen(row, intent.write, facts, now)
    written = written_fields(intent.write)
    row = noticed(row, listing, facts, but=written)
    # An answer may echo a text that the shop cuts or cleans afterwards: what a text came to, the next read shows.
    echoed = {name for name in written if facts.groups.get(name) is Group.TEXT}
    row = replace(row, shown={name: value for name, value in row.shown.items() if name not in echoed})
    if isinstance(intent.write, Update) and intent.write.delta < 0 and listing.quantity == 0:
        row = replace(row, orders_after=now)  # it may have found fewer pieces than it was to take (rule K4)
    if row.ledger is not None and listing.quantity != row.ledger:
        return wants_look(row, now)  # rule K3; the number itself is not believed (rule Q1)
    return row


def _unseen(row: ListingRow, write: Update, facts: Facts, now: datetime) -> ListingRow:
    """Book an update whose reply shows nothing: what is seen otherwise later, somebody changed, but a text the shop may
    have cleaned (rule F2); and a decrease may have found fewer pieces than it was to take (rule K4).
    """
    told = {name: value for name, value in write.fields.items() if facts.groups[name] is not Group.TEXT}
    if write.for_sale is not None:
        told[FOR_SALE] = write.for_sale
    row = replace(row, shown={**row.shown, **told})
    return replace(row, orders_after=now) if write.delta < 0 and write.total is None else row


def wants_look(row: ListingRow, now: datetime) -> ListingRow:
    """Ask for a look, keeping the moment of the first reason for one."""
    return replace(row, look_since=row.look_since or now)


def perhaps_listed(row: ListingRow, known: Iterable[ListingId], now: datetime) -> ListingRow | None:
    """Have the youngest listing that the lot ever had looked at, unless its end is known; None: there is none such.

    After a loss the list of the census may have been short; only a read of that listing proves that it is gone (N3).
    """
    youngest = max(known, key=age, default=None)
    if youngest is None or (row.gone_id is not None and age(youngest) <= age(row.gone_id)):
        return None
    return wants_look(replace(row, listing_id=youngest), now)


def _unknown(row: ListingRow, intent: Intent, reason: str) -> tuple[ListingRow, Intent]:
    return replace(row, unknown=True), replace(intent, fate=Fate.UNKNOWN, reason=reason)


def _without_intent(row: ListingRow) -> ListingRow:
    return replace(row, intent_id=None, unknown=False)


def closed(intent: Intent, fate: Fate, now: datetime, reason: str = "") -> Intent:
    """Close an intent for good."""
    return replace(intent, fate=fate, settled_at=now, reason=reason)
