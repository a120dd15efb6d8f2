"""Which listing an unanswered create made, if any: pure (rule N3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncengine.hindsight import sold_after
from syncengine.listing import Group, Listing, ListingId, Values
from syncengine.marketplace import Create, Facts
from syncengine.rows.intent import NO_ID_IN_REPLY, Intent
from syncengine.rows.order import LineRow
from syncengine.settings import Settings

MISFIT = -1
"""In place of the pieces of a listing that shows other values than were sent: its pieces alone prove nothing."""


@dataclass(frozen=True, slots=True)
class Made:
    """This listing is it; sold out if no list shows it any more."""

    listing_id: ListingId


@dataclass(frozen=True, slots=True)
class Absent:
    """It was not done."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Several listings, or one that does not fit, may be the one."""


def explain_create(
    intent: Intent, newcomers: Sequence[Listing], lines: Sequence[LineRow], facts: Facts
) -> Made | Undecided:
    """Explain a list that was just read, with the orders known so far.

    `newcomers`: listings of the item that no lot owns, with ids above the highest known when the intent was written,
    and with this attempt's mark, where the marketplace keeps marks;
    `lines`: order lines of such listings, for it may have sold already. Where the shop said that it was done, and there
    is only one newcomer, a text may differ: the shop may have cleaned it.
    """
    create = _create_of(intent)
    marked = [listing for listing in newcomers if create.external_id and listing.external_id == create.external_id]
    if len(marked) == 1:
        return Made(marked[0].listing_id)  # it bears the mark of this attempt, whatever became of it since
    is_alone = intent.reason == NO_ID_IN_REPLY and len(newcomers) == 1 and not lines
    compared = _but_texts(create.fields, facts) if is_alone else create.fields
    fitting = [
        listing.listing_id
        for listing in newcomers
        if listing.for_sale == create.for_sale
        and all(listing.fields.get(name) == value for name, value in compared.items())
        and listing.quantity + _sold(lines, listing.listing_id) == create.quantity
    ]
    return Made(fitting[0]) if len(fitting) == 1 else Undecided()


def explain_create_in_hindsight(
    intent: Intent, newcomers: Sequence[Listing], lines: Sequence[LineRow], settings: Settings
) -> Made | Absent | Undecided:
    """Explain the first list, one lag window later: every order before it is known by now.

    A listing made and sold out before that list is found by its order lines. Without any trace in the first list, in
    this one and in the orders, the create was not done.
    """
    create, first, read_at = _create_of(intent), intent.newcomers or {}, intent.list_read_at
    if read_at is None:
        raise ValueError("no list was read before")
    named = first.keys() | {line.listing_id for line in lines if line.ordered_at <= read_at + settings.anchor_doubt}
    fitting = []
    for listing_id in named:
        its_lines = [line for line in lines if line.listing_id == listing_id]
        left = create.quantity - _sold(its_lines, listing_id)  # now; more then, by what was sold since
        then = {left + pieces for pieces in sold_after(its_lines, read_at, settings.anchor_doubt)}
        if left >= 0 and first.get(listing_id, 0) in then:  # more sold than we listed: somebody else's
            fitting.append(listing_id)
    if len(fitting) == 1:
        return Made(fitting[0])
    if not named and not newcomers and not lines:
        return Absent()
    return Undecided()


def pieces_of(intent: Intent, newcomers: Sequence[Listing], facts: Facts) -> Mapping[ListingId, int]:
    """Keep of a first list what hindsight needs: the pieces of each, or MISFIT."""
    create = _create_of(intent)
    sent = _but_texts(create.fields, facts)
    return {
        listing.listing_id: listing.quantity
        if listing.for_sale == create.for_sale and all(listing.fields.get(name) == sent[name] for name in sent)
        else MISFIT
        for listing in newcomers
    }


def _but_texts(fields: Values, facts: Facts) -> Values:
    """Leave out what the shop may have cleaned."""
    return {name: value for name, value in fields.items() if facts.groups[name] is not Group.TEXT}


def _create_of(intent: Intent) -> Create:
    if not isinstance(intent.write, Create):
        raise TypeError("only a create makes a listing")
    return intent.write


def _sold(lines: Sequence[LineRow], listing_id: ListingId) -> int:
    return sum(line.total for line in lines if line.listing_id == listing_id)
