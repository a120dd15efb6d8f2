"""Which listing stands for which lot: pure (rules C2, N3)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncengine.listing import Item, Listing, ListingId, LotId, age
from syncengine.marketplace import Facts
from syncengine.marks import lot_of_mark
from syncengine.rows.listing import ListingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What a whole list says about all lots of a seller."""

    links: Mapping[LotId, Listing]
    """The listing of each lot that has one."""
    ambiguous: frozenset[LotId]
    """Lots that listings resemble only in item, colour, condition and completeness: the seller's to decide."""
    unowned: tuple[Listing, ...]
    """Listings that no lot owns; never deleted, never changed."""


def match(
    rows: Sequence[ListingRow],
    listings: Sequence[Listing],
    owners: Mapping[ListingId, LotId],
    facts: Facts,
    *,
    after_loss: bool = False,
) -> Matched:
    """Match by the present listing, any that the lot ever had, our mark, all fields; else only by item: ambiguous.

    `owners`: every listing id that a lot ever had. Lots and listings that are equal in every field pair up in the order
    of their ids. `after_loss`: what is known of a lot's listing may be old; where the list lacks it, another of its
    item may be its newer one, which the lost database knew.
    """
    by_id = {listing.listing_id: listing for listing in listings}
    lots = {row.lot_id for row in rows}
    links: dict[LotId, Listing] = {}
    for row in rows:
        if row.listing_id is not None and row.listing_id in by_id:
            links[row.lot_id] = by_id[row.listing_id]
    for listing in sorted(listings, key=_age, reverse=True):  # the youngest of several known ids is the present one
        owner = owners.get(listing.listing_id)
        if owner is not None and owner in lots and owner not in links:
            links[owner] = listing
    marked = _by_mark(rows, listings, owners, links)
    links |= marked
    taken = {listing.listing_id for listing in marked.values()}
    free: dict[Item, list[Listing]] = defaultdict(list)
    for listing in sorted(listings, key=_age):
        if listing.listing_id not in owners and listing.listing_id not in taken:
            free[listing.item].append(listing)
    ambiguous: set[LotId] = set()
    for row in sorted(rows, key=lambda row: row.lot_id):
        if row.lot_id in links or row.listing_id is not None:
            continue
        if row.list_after is not None:
            continue  # it may be what the shop put back of a return: the seller decides (rule Q4)
        equal = next((listing for listing in _alike(row, free) if _equal_fields(row, listing)), None)
        if equal is not None:
            links[row.lot_id] = equal
            free[row.desired.item].remove(equal)
    for row in rows:
        if row.lot_id in links or (row.listing_id is not None and not after_loss):
            continue
        if any(may_be_its(row, listing, facts) for listing in _alike(row, free)):
            ambiguous.add(row.lot_id)
    unowned = tuple(listing for alike in free.values() for listing in alike)
    return Matched(links=links, ambiguous=frozenset(ambiguous), unowned=unowned)


def may_be_its(row: ListingRow, listing: Listing, facts: Facts) -> bool:
    """Tell whether a listing of the lot's item may be the lot's own, or offer the same pieces.

    Where listings stay when they sell out, an empty one that no lot ever owned offers nothing (ADR 18).
    """
    is_left_over = facts.keeps_sold_out and listing.quantity <= 0 and lot_of_mark(listing.external_id) != row.lot_id
    return listing.listing_id not in row.strangers and not is_left_over


def _by_mark(
    rows: Sequence[ListingRow],
    listings: Sequence[Listing],
    owners: Mapping[ListingId, LotId],
    links: Mapping[LotId, Listing],
) -> dict[LotId, Listing]:
    """Find the youngest listing that an attempt of ours made for each lot that has none (rule N2)."""
    without = {
        row.lot_id: row for row in rows if row.lot_id not in links and row.listing_id is None and row.list_after is None
    }
    marked: dict[LotId, Listing] = {}
    for listing in sorted(listings, key=_age):
        lot_id = lot_of_mark(listing.external_id)
        row = without.get(lot_id) if lot_id is not None else None
        if row is not None and listing.listing_id not in owners and listing.listing_id not in row.strangers:
            marked[row.lot_id] = listing
    return marked


def _alike(row: ListingRow, free: Mapping[Item, Sequence[Listing]]) -> list[Listing]:
    """List those of its item that may be the lot's: not what a person said is another's."""
    return [listing for listing in free.get(row.desired.item, ()) if listing.listing_id not in row.strangers]


def _equal_fields(row: ListingRow, listing: Listing) -> bool:
    return all(listing.fields.get(name) == value for name, value in row.desired.fields.items())


def _age(listing: Listing) -> tuple[int, str]:
    return age(listing.listing_id)
