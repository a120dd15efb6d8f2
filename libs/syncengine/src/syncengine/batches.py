"""Which calls of several things a shop does, by the facts or as it was seen to on this connection. Pure (rule N2).

What a call asks for together has a kind: creates, each field that an update writes, the quantities of what is not for
sale, reads. A kind that nobody has proven is tried with a few first. What became of those is read, field by field: as
sent, and the kind is used from then on; otherwise, and it is never used there again.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.listing import Listing, Value
from syncengine.marketplace import (
    BATCH_REFUSED,
    Applied,
    Create,
    Facts,
    Gone,
    Outcome,
    Refused,
    Unknown,
    Update,
    Write,
)
from syncengine.marks import lot_of_mark
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ListingRow
from syncengine.settings import Settings

CREATES = "CREATES"
HIDDEN_QUANTITIES = "HIDDEN_QUANTITIES"
"""Of listings that are not for sale, each said as a total, for nobody buys of them meanwhile."""
READS = "READS"


def kinds_of(row: ListingRow, write: Write, connection: ConnectionRow, settings: Settings) -> frozenset[str] | None:
    """Say of which kinds a write is within a call of several; None: it always goes alone (rules Q3, Q5)."""
    match write:
        case Create():
            return frozenset({CREATES})
        case Update(delta=0, for_sale=None, retain=None):
            return frozenset(write.fields)
        case Update(for_sale=None, retain=None) if not write.fields and _nobody_buys(row, connection, settings):
            return frozenset({HIDDEN_QUANTITIES})
    return None


def _nobody_buys(row: ListingRow, connection: ConnectionRow, settings: Settings) -> bool:
    """Tell whether a total overwrites no sale: it is hidden, and every order from before that is known (rule K4)."""
    if row.sent_for_sale or row.desired.for_sale or row.hidden_at is None or connection.all_orders_read_at is None:
        return False
    return connection.all_orders_read_at > row.hidden_at + settings.lag_window


def is_usable(connection: ConnectionRow, facts: Facts, kinds: Collection[str]) -> bool | None:
    """Tell whether the shop does calls of these kinds; None: that is yet to be seen."""
    if facts.proven_batches is None:
        return True
    known = [connection.batches.get(kind, True if kind in facts.proven_batches else None) for kind in kinds]
    return False if False in known else None if None in known else True


def most_together(
    row: ListingRow, write: Write, connection: ConnectionRow, facts: Facts, settings: Settings, *, free: int
) -> int:
    """Say how many writes one call may make with this one. `free`: calls that all writes together may be charged."""
    kinds = kinds_of(row, write, connection, settings)
    most = facts.creates_at_once if isinstance(write, Create) else facts.updates_at_once
    usable = False if kinds is None else is_usable(connection, facts, kinds)
    if most < settings.creates_together_from or not (usable or usable is None):
        return 1
    if row.create_with is not None:
        most = min(most, row.create_with)
    if facts.counts_entries:
        most = min(most, free)
    if most < settings.creates_together_from:
        return 1
    return most if usable else settings.first_together


def may_go_with(kinds: Collection[str] | None, first: bool | None, connection: ConnectionRow, facts: Facts) -> bool:
    """Tell whether a write of these kinds may go with others; `first`: whether theirs are known to be done."""
    usable = False if kinds is None else is_usable(connection, facts, kinds)
    return usable is not False if first is None else usable is True


def as_one_of_several(row: ListingRow, write: Write) -> Write:
    """Say a hidden listing's quantity as a total: the only way that is proven for calls of several."""
    return replace(write, total=row.target) if isinstance(write, Update) and write.delta else write


# What became of them --------------------------------------------------------------------------------------------------


def without_doubles(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Believe no id that several creates were answered with: which of them made it, a look finds out (rule N3)."""
    ids = Counter(outcome.listing_id for outcome in outcomes if isinstance(outcome, Applied))
    return [
        Unknown(reason="UNREADABLE_REPLY", answered=True)
        if isinstance(outcome, Applied) and outcome.listing_id is not None and ids[outcome.listing_id] > 1
        else outcome
        for outcome in outcomes
    ]


def ended_by(
    outcomes: Sequence[Outcome], kinds: Collection[str], connection: ConnectionRow, facts: Facts
) -> Mapping[str, bool]:
    """Find the kinds that an answered call of several ends: all if it was refused as a whole, for then singles do it.

    Of one each part of which was refused, those that nobody has seen done. Creates also if it does not say what it
    made: then none of them can be seen to be ours.
    """
    if facts.proven_batches is None:
        return {}
    unproven = {kind for kind in kinds if is_usable(connection, facts, [kind]) is None}
    if any(isinstance(outcome, Refused) and outcome.reason == BATCH_REFUSED for outcome in outcomes):
        return dict.fromkeys(kinds, False)
    if all(isinstance(outcome, Refused | Gone) for outcome in outcomes):
        return dict.fromkeys(unproven, False)
    if any(isinstance(outcome, Applied) and outcome.listing_id is None for outcome in outcomes):
        return dict.fromkeys(unproven & {CREATES}, False)
    return {}


def put_on_trial(
    row: ListingRow,
    kinds: Collection[str],
    connection: ConnectionRow,
    facts: Facts,
    *,
    now: datetime,
    look_at: datetime,
) -> ListingRow:
    """Have it seen whether a write of a call of several was done, if its kinds are not known to be."""
    unproven = sorted(kind for kind in kinds if is_usable(connection, facts, [kind]) is None)
    if not unproven:
        return row
    return replace(row, on_trial=tuple(unproven), look_since=row.look_since or now, not_before=look_at)


def seen(row: ListingRow, listing: Listing | None, facts: Facts) -> tuple[ListingRow, Mapping[str, bool]]:
    """Compare what a read shows of a listing on trial with what was sent: kind by kind, whether it was done.

    A kind is left out of which this says nothing. What shows otherwise than it was sent is due again.
    """
    kinds, ledger, row = row.on_trial, row.ledger, replace(row, on_trial=())
    if row.listing_id is None or ledger is None:
        return row, {}  # changed by others since
    if listing is None:
        return row, dict.fromkeys(kinds, False) if ledger else {}  # or sold out since
    verdicts: dict[str, bool] = {}
    other: dict[str, Value] = {}
    for kind in kinds:
        names = row.sent.keys() if kind == CREATES else {kind}
        other |= {name: listing.fields.get(name) for name in names if listing.fields.get(name) != row.sent.get(name)}
        verdicts[kind] = not other.keys() & names and names <= listing.fields.keys()
    row = replace(row, sent={**row.sent, **{name: value for name, value in other.items() if name in listing.fields}})
    if CREATES in verdicts:
        is_ours = not facts.marks_listings or lot_of_mark(listing.external_id) == row.lot_id
        verdicts[CREATES] &= is_ours and listing.item == row.listed_item and listing.for_sale == row.sent_for_sale
        if listing.quantity > ledger:
            verdicts[CREATES] = False
        elif listing.quantity < ledger and verdicts[CREATES]:
            del verdicts[CREATES]  # a sale that is not listed yet may explain it
        row = replace(row, listed_item=listing.item, sent_for_sale=listing.for_sale)
    return row, verdicts


def learnt(connection: ConnectionRow, verdicts: Sequence[Mapping[str, bool]]) -> ConnectionRow:
    """Keep what a look at all that was on trial says: a kind is proven if all of it was done, and ended if not."""
    batches = dict(connection.batches)
    for verdict in verdicts:
        for kind, is_done in verdict.items():
            batches[kind] = is_done and batches.get(kind, True)
    return replace(connection, batches=batches, trial_until=None)
