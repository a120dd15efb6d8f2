"""What a read says about a lot whose last write is unknown, or whose number does not fit: pure (rules K1-K4, N3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncengine.listing import Listing, ListingId
from syncengine.marketplace import Create, Remove, Update
from syncengine.rows import Fate, Intent, ListingRow, Trouble
from syncengine.settle import applied, closed, created, not_applied


@dataclass(frozen=True, slots=True)
class StillOpen:
    """The read cannot tell yet: look again later."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The row, and its intent if it had one, as they are now known to be."""

    row: ListingRow
    intent: Intent | None


Verdict = Explained | StillOpen


def explain(
    row: ListingRow, intent: Intent | None, listing: Listing | None, *, orders_complete: bool, now: datetime
) -> Verdict:
    """Explain what one listing shows.

    `orders_complete`: all orders were read one lag window after the write, or after the reason for the look, so that no
    sale hides any more (rules K2, K4).
    """
    if intent is None:
        return _explain_number(row, listing, orders_complete=orders_complete)
    if isinstance(intent.write, Create):
        raise TypeError("a create is explained by explain_create()")
    if isinstance(intent.write, Remove):
        return _explain_remove(row, intent, listing, now)
    return _explain_update(row, intent, intent.write, listing, orders_complete=orders_complete, now=now)


def _explain_remove(row: ListingRow, intent: Intent, listing: Listing | None, now: datetime) -> Verdict:
    if listing is None:
        return Explained(_calm(applied(row, intent, now)), closed(intent, Fate.APPLIED, now))
    return Explained(_calm(not_applied(row)), closed(intent, Fate.NOT_APPLIED, now))


def _explain_update(
    row: ListingRow, intent: Intent, write: Update, listing: Listing | None, *, orders_complete: bool, now: datetime
) -> Verdict:
    ledger = row.ledger or 0
    if listing is None:
        if ledger <= 0:
            return Explained(_gone(not_applied(row)), closed(intent, Fate.NOT_APPLIED, now))
        if ledger + write.delta <= 0:
            return Explained(_gone(applied(row, intent, now)), closed(intent, Fate.APPLIED, now))
        return _unexplained(row, intent, listing, orders_complete=orders_complete, now=now)
    shown = listing.quantity
    as_if_applied = shown == max(0, ledger + write.delta)
    as_if_not = shown in _plausible(row)
    if write.delta == 0:
        if not as_if_not:
            return _unexplained(row, intent, listing, orders_complete=orders_complete, now=now)
        as_if_applied = _holds(listing, write)
    if as_if_applied:
        done = _calm(replace(applied(row, intent, now), shown=dict(listing.fields)))
        return Explained(_at(done, shown), closed(intent, Fate.APPLIED, now))
    if as_if_not and (write.delta <= 0 or orders_complete):
        return Explained(_at(_calm(not_applied(row)), shown), closed(intent, Fate.NOT_APPLIED, now))
    if as_if_not:
        return StillOpen()  # rule K2: the increase may be in, and its pieces sold by an order not yet listed
    return _unexplained(row, intent, listing, orders_complete=orders_complete, now=now)


def _explain_number(row: ListingRow, listing: Listing | None, *, orders_complete: bool) -> Verdict:
    ledger = row.ledger or 0
    if listing is None and ledger <= 0:
        return Explained(_gone(row), None)
    if listing is not None and listing.quantity in _plausible(row):
        return Explained(_at(_calm(row), listing.quantity), None)
    return _unexplained(row, None, listing, orders_complete=orders_complete, now=None)


def _plausible(row: ListingRow) -> frozenset[int]:
    """Numbers that our books allow: the ledger; with the pieces that may be in it twice (rule Q1); 0 if oversold."""
    ledger = row.ledger or 0
    return frozenset({max(0, ledger), max(0, ledger + row.doubt)})


def _unexplained(
    row: ListingRow, intent: Intent | None, listing: Listing | None, *, orders_complete: bool, now: datetime | None
) -> Verdict:
    if not orders_complete:
        return StillOpen()  # rule K4
    trouble = Trouble.GONE_UNEXPLAINED if listing is None else Trouble.NUMBER_UNEXPLAINED
    row = replace(
        not_applied(row),
        trouble=trouble,
        theirs=None if listing is None else listing.quantity,
        look_since=None,
        doubt=0,
    )
    if listing is None:
        row = replace(row, listing_id=None, ledger=None, ledger_from=None)
    if intent is not None and now is not None:
        return Explained(row, closed(intent, Fate.UNKNOWN, now, "UNEXPLAINED"))
    return Explained(row, None)


def _holds(listing: Listing, write: Update) -> bool:
    return (
        all(listing.fields.get(name) == value for name, value in write.fields.items())
        and write.for_sale in (None, listing.for_sale)
        and write.retain in (None, listing.retain)
    )


def _calm(row: ListingRow) -> ListingRow:
    return replace(row, look_since=None, trouble=None, theirs=None, doubt=0)


def _at(row: ListingRow, shown: int) -> ListingRow:
    return replace(row, ledger=shown)


def _gone(row: ListingRow) -> ListingRow:
    """Gone by sales, or by our own hand: it may be listed again (rule Q4)."""
    return replace(_calm(row), listing_id=None, ledger=None, ledger_from=None, sent={}, shown={}, sent_retain=False)


# Creates --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """No listing can be the one: proof of absence if it was so before (rule N3)."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Several listings, or one that does not fit, may be the one: a person decides."""


def explain_create(
    row: ListingRow,
    intent: Intent,
    newcomers: Sequence[Listing],
    sold: Mapping[ListingId, int],
) -> ListingRow | Absent | Undecided:
    """Find the listing that an unanswered create made (rule N3).

    `newcomers`: listings of the item that no lot owns, with ids above the highest known when the intent was written.
    `sold`: pieces in orders, by listing, of listings of this item that no lot owns; sold out ones are in no list.
    """
    write = intent.write
    if not isinstance(write, Create):
        raise TypeError("only a create makes a listing")
    by_id = {listing.listing_id: listing for listing in newcomers}
    fitting = [
        listing_id
        for listing_id in by_id.keys() | sold.keys()
        if _fits(by_id.get(listing_id), write, sold.get(listing_id, 0))
    ]
    if len(fitting) == 1:
        listing_id = fitting[0]
        listing = by_id.get(listing_id) or Listing(
            listing_id=listing_id,
            item=write.item,
            quantity=0,
            for_sale=write.for_sale,
            retain=write.retain,
            fields=write.fields,
        )
        return replace(created(row, intent, listing), ledger=listing.quantity)
    if not fitting and not by_id and not sold:
        return Absent()
    return Undecided()


def _fits(listing: Listing | None, write: Create, sold: int) -> bool:
    if listing is None:
        return sold == write.quantity
    return (
        listing.quantity + sold == write.quantity
        and listing.for_sale == write.for_sale
        and all(listing.fields.get(name) == value for name, value in write.fields.items())
    )
