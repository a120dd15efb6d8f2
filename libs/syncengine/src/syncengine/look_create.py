"""Looks for creates whose listing nobody has told us: each is found in one whole list, or shown to be nowhere (N3)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncengine.alike import free_look_alikes
from syncengine.booking import ends_sold_out, sold_out, tell_linked_lines
from syncengine.drift import noticed
from syncengine.events import RECOUNT
from syncengine.explain_create import Absent, Made, Undecided, explain_create, explain_create_in_hindsight, pieces_of
from syncengine.held import hold_items
from syncengine.hindsight import dated_by_order
from syncengine.lane import Lane
from syncengine.listing import Group, Item, Listing, ListingId, SellerId
from syncengine.marketplace import Create, Facts
from syncengine.rows.intent import Fate, Intent
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.rows.order import LineRow
from syncengine.rows.shop import ShopListing
from syncengine.settings import Settings
from syncengine.settle import closed, created, found_undone, not_applied, wants_look
from syncengine.sight import Sight, Suspect
from syncengine.store.protocol import Transaction


@dataclass(frozen=True, slots=True)
class _Found:
    """A create, and the listing that it made."""

    row: ListingRow
    intent: Intent
    listing_id: ListingId
    shown: Listing | None
    """None: the list does not show it any more."""
    sold: int


async def settle_creates(lane: Lane, tx: Transaction, suspects: Sequence[Suspect], sight: Sight) -> None:
    """Settle what one look proves of creates whose outcome is open: all of `suspects` have such an intent."""
    now = lane.clock.now()
    looked_for = [(suspect.row, suspect.intent) for suspect in suspects if suspect.intent is not None]
    if not looked_for:
        return  # settled since they were suspected
    traces = await _Traces.of(tx, [intent for _, intent in looked_for], sight, lane.shop.facts)
    misses_others = await _misses_others(tx, lane.lease.seller_id, sight)
    made: list[_Found] = []
    rows: list[ListingRow] = []
    intents: list[Intent] = []
    for row, intent in looked_for:
        newcomers, lines = traces.of_create(intent, lane.settings.anchor_doubt)
        if any(listing.listing_id not in (intent.newcomers or {}) for listing in newcomers):
            # The first list was stale or short: this one stands for it.
            intent = replace(intent, listed_at=None, listed_again_at=None)
        complete_at = (intent.listed_again_at or sight.at) + lane.settings.lag_window
        found: Made | Absent | Undecided = explain_create(intent, newcomers, lines, lane.shop.facts)
        hindsight = intent.listed_again_at is not None and sight.before.began_at >= complete_at
        if isinstance(found, Undecided) and hindsight:
            found = explain_create_in_hindsight(intent, newcomers, lines, lane.settings)
        match found:
            case Made(listing_id=listing_id):
                sold = sum(line.total for line in lines if line.listing_id == listing_id)
                made.append(_Found(row, intent, listing_id, sight.listings.get(listing_id), sold))
            case Undecided() if hindsight and intent.newcomers is not None:
                intents.append(closed(intent, Fate.UNKNOWN, now, "UNEXPLAINED"))
                doubtful = replace(row, intent_id=None, unknown=False, not_before=None)
                rows.append(replace(doubtful, trouble=Trouble.CREATE_UNEXPLAINED))
                for listing in newcomers:  # among them the seller chooses
                    seen = ShopListing(
                        seller_id=row.seller_id, listing=listing, seen_at=now, read_at=sight.list_read_at
                    )
                    await tx.add_shop_listing(seen)
            case Absent() if intent.newcomers is not None and _shows_a_shop(lane, intent, sight) and not misses_others:
                intents.append(closed(intent, Fate.NOT_APPLIED, now))
                rows.append(found_undone(not_applied(row), lane.settings, now))
            case _:
                if not misses_others:
                    intent = _listed(intent, newcomers, sight, lane)
                    intents.append(intent)
                rows.append(replace(row, not_before=_again_at(intent, lane.settings, now)))
    await tx.save_intents(intents)
    await lane.save(tx, rows)
    await _link(lane, tx, made)


def _listed(intent: Intent, newcomers: Sequence[Listing], sight: Sight, lane: Lane) -> Intent:
    """Remember a first list, or a second: one may be short, but hardly two; orders count from the second (rule N3).

    Lists that show nothing at all are none of these two, though orders may explain them: the first other begins anew.
    """
    shows = _shows_a_shop(lane, intent, sight)
    if intent.listed_at is None or (shows and intent.newcomers is None):
        pieces = pieces_of(intent, newcomers, lane.shop.facts) if shows else None
        intent = replace(intent, newcomers=pieces, listed_at=sight.at, list_read_at=sight.list_read_at)
        return replace(intent, listed_again_at=None)
    counts = shows or intent.newcomers is None
    if counts and intent.listed_again_at is None and sight.at >= intent.listed_at + lane.settings.late_window:
        return replace(intent, listed_again_at=sight.at)
    return intent


def _again_at(intent: Intent, settings: Settings, now: datetime) -> datetime:
    """Say when to look again: when it can prove more, and ever less often while lists prove nothing.

    What the shop said it made, a list that is not old shows soon.
    """
    if intent.listed_again_at is not None:
        listed_at, provable_at = intent.listed_again_at, intent.listed_again_at + settings.lag_window
    elif intent.listed_at is not None:
        listed_at, provable_at = intent.listed_at, intent.listed_at + settings.late_window
    else:
        listed_at, provable_at = now, now + settings.lag_window
    again_at = max(provable_at, now + min((now - listed_at) / 4, settings.lag_window))
    if intent.answered_at is not None:
        again_at = min(again_at, now + (now - intent.answered_at))
    return max(again_at, now + settings.late_window)


async def _link(lane: Lane, tx: Transaction, made: Sequence[_Found]) -> None:
    """Book that creates made these listings; pieces of them in orders are off their ledgers already (rule Q1)."""
    if not made:
        return
    now, facts, seller_id = lane.clock.now(), lane.shop.facts, lane.lease.seller_id
    lots = {each.listing_id: each.row.lot_id for each in made}
    await tx.add_listing_ids(seller_id, list(lots.items()), created=True)
    await tx.save_intents([closed(each.intent, Fate.APPLIED, now) for each in made])
    told = await tell_linked_lines(tx, [_linked(each, facts, now) for each in made], lots, RECOUNT, facts, now)
    rows = [sold_out(row) if row.ledger == 0 and ends_sold_out(row, facts) else row for row in told.values()]
    await lane.save(tx, rows)
    await free_look_alikes(tx, seller_id, {_item_of(each.intent) for each in made}, facts, now)
    await hold_items(tx, seller_id, facts, now)


def _linked(made: _Found, facts: Facts, now: datetime) -> ListingRow:
    row = created(made.row, made.intent, made.listing_id)
    row = replace(row, ledger=(row.ledger or 0) - made.sold, not_before=None)
    if row.ledger is not None and row.ledger < 0:
        row = wants_look(row, now)  # rule K3
    # What shows otherwise than it was sent was changed since; but a text the shop may have cleaned.
    texts = {name for name, group in facts.groups.items() if group is Group.TEXT}
    row = replace(row, shown={name: value for name, value in row.sent.items() if name not in texts})
    if made.shown is None:
        return wants_look(row, now) if row.ledger else row  # the list that lacks it may be short
    if made.shown.quantity != row.ledger and _create_of(made.intent).external_id:
        row = wants_look(row, now)  # its mark says whose it is, and nothing of its pieces
    return noticed(row, made.shown, facts)


def _shows_a_shop(lane: Lane, intent: Intent, sight: Sight) -> bool:
    """Tell whether a list may be one of those that prove absence: a closed shop lists nothing, for hours (C5, N3)."""
    return bool(sight.listed) or lane.clock.now() >= intent.sent_at + lane.settings.census_interval


async def _misses_others(tx: Transaction, seller_id: SellerId, sight: Sight) -> bool:
    """Tell whether a list lacks listings of ours that orders do not explain: such a list proves nothing (N3)."""
    return any(sight.lacks(listing_id) for listing_id in await tx.listings_with_pieces(seller_id))


@dataclass(frozen=True, slots=True)
class _Traces:
    """What can be unanswered creates': in the list, and in order lines that no lot owns (rule N3)."""

    newcomers: Mapping[Item, Sequence[Listing]]
    """Listings that no lot owns, of items that were to be created."""
    seen_before: Mapping[Item, Sequence[Listing]]
    """Such as an earlier list showed."""
    lines: Mapping[Item, Sequence[LineRow]]

    @classmethod
    async def of(cls, tx: Transaction, intents: Sequence[Intent], sight: Sight, facts: Facts) -> "_Traces":
        wanted: dict[Item, int] = {}
        for intent in intents:
            item = _item_of(intent)
            wanted[item] = min(wanted.get(item, intent.above_listing_id), intent.above_listing_id)
        alike = [
            listing
            for listing in sight.listings.values()
            if listing is not None and listing.item in wanted and _is_above(listing.listing_id, wanted[listing.item])
        ]
        seller_id = intents[0].seller_id
        owners = await tx.lots_of_listings(seller_id, [listing.listing_id for listing in alike])
        newcomers: dict[Item, list[Listing]] = defaultdict(list)
        for listing in alike:
            if listing.listing_id not in owners:
                newcomers[listing.item].append(listing)
        seen_before: dict[Item, list[Listing]] = defaultdict(list)
        for kept in await tx.unowned(seller_id):
            seen_before[kept.listing.item].append(kept.listing)
        lines: dict[Item, list[LineRow]] = defaultdict(list)
        ownerless = [line for line in await tx.ownerless_lines(seller_id) if line.item in wanted]
        orders = await tx.find_orders(seller_id, {line.order_id for line in ownerless})
        for line in dated_by_order(ownerless, orders, merges=facts.merges_orders):
            lines[line.item].append(line)
        return cls(newcomers, seen_before, lines)

    def of_create(self, intent: Intent, doubt: timedelta) -> tuple[list[Listing], list[LineRow]]:
        item, above, mark = _item_of(intent), intent.above_listing_id, _create_of(intent).external_id
        lines = [line for line in self.lines.get(item, ()) if _is_above(line.listing_id, above)]
        newcomers = [each for each in self.newcomers.get(item, ()) if _is_above(each.listing_id, above)]
        # What sold before our call began is somebody else's listing, and so is what shows, or showed, another mark.
        others = {line.listing_id for line in lines if line.grown_at < intent.sent_at - doubt}
        seen = (*newcomers, *self.seen_before.get(item, ()))
        others |= {listing.listing_id for listing in seen if not _may_bear(listing, mark)}
        return (
            [listing for listing in newcomers if listing.listing_id not in others],
            [line for line in lines if line.listing_id not in others],
        )


def _create_of(intent: Intent) -> Create:
    if not isinstance(intent.write, Create):
        raise TypeError("only a create makes a listing")
    return intent.write


def _item_of(intent: Intent) -> Item:
    return _create_of(intent).item


def _may_bear(listing: Listing, mark: str) -> bool:
    """Tell whether a listing may be that of an attempt with this mark: with another mark, or none, it is not (N3).

    A shop may cut long texts: of a mark that is only the beginning of ours, the fields decide.
    """
    return not mark or (listing.external_id != "" and mark.startswith(listing.external_id))


def _is_above(listing_id: ListingId, highest: int) -> bool:
    return listing_id.isdigit() and int(listing_id) > highest
