"""What somebody else changed in the shop: fields that are not as the shop last showed them (rules F2, S6). Pure."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from syncengine.listing import Group, Item, Listing, Lot, Value
from syncengine.marketplace import Create, Facts, Update
from syncengine.rows.listing import FOR_SALE, ITEM, RETAIN, Conflict, ListingRow


def noticed(row: ListingRow, listing: Listing, facts: Facts, *, but: Collection[str] = ()) -> ListingRow:
    """Compare a listing with what the shop showed after our last write; what differs becomes a conflict.

    `but`: fields that we wrote since. A field that was never seen before is only remembered.
    """
    now = shown_values(listing)
    moved = {
        name
        for name, value in now.items()
        if name not in but
        and name in row.shown
        and row.shown[name] != value
        and not _is_automatic(name, listing, facts)
    }
    if FOR_SALE in moved.union(but):  # which stockroom hides it follows from that
        moved -= {name for name, group in facts.groups.items() if group is Group.QUANTITY}
    wanted, conflicts, sent = desired_fields(row.desired), dict(row.conflicts), dict(row.sent)
    for name in moved:
        before = row.conflicts.get(name)
        was_sent = before.sent if before is not None else _sent_value(row, name)
        conflicts.pop(name, None)
        if now[name] not in (wanted.get(name), was_sent):
            conflicts[name] = Conflict(sent=was_sent, ours=wanted.get(name), theirs=now[name])
        if name in facts.groups:
            sent[name] = now[name]
    row = replace(row, shown=now, sent=sent, conflicts=conflicts)
    if FOR_SALE in moved:
        row = replace(row, sent_for_sale=listing.for_sale, hidden_at=None)
    if RETAIN in moved:
        row = replace(row, sent_retain=listing.retain)
    return replace(row, listed_item=listing.item) if ITEM in moved else row


def unresolved(conflicts: Mapping[str, Conflict], desired: Lot) -> dict[str, Conflict]:
    """Keep the conflicts that a newer lot does not decide: by a new value, or by taking theirs (rule S6)."""
    wanted = desired_fields(desired)
    return {
        name: conflict
        for name, conflict in conflicts.items()
        if wanted.get(name) == conflict.ours and wanted.get(name) != conflict.theirs
    }


def groups_in_conflict(row: ListingRow, facts: Facts) -> frozenset[Group]:
    """Find the groups that wait for somebody to settle a conflict; what the listing is of holds none of them."""
    return frozenset(group_of(name, facts) for name in row.conflicts if name != ITEM)


def group_of(name: str, facts: Facts) -> Group:
    """Find a field's group, the engine's own fields among them."""
    return {FOR_SALE: Group.QUANTITY, RETAIN: Group.REST}.get(name) or facts.groups[name]


def shown_values(listing: Listing) -> dict[str, Value]:
    """List what a listing shows, the engine's own fields and what it is of among them; its quantity is no part."""
    own: dict[str, Value] = {FOR_SALE: listing.for_sale, RETAIN: listing.retain, ITEM: item_words(listing.item)}
    return {**listing.fields, **own}


def desired_fields(lot: Lot) -> dict[str, Value]:
    """List the same of what a listing should show."""
    return {**lot.fields, FOR_SALE: lot.for_sale, RETAIN: lot.retain, ITEM: item_words(lot.item)}


def written_fields(write: Create | Update) -> frozenset[str]:
    """List the fields that a write changes."""
    names = set(write.fields)
    if write.for_sale is not None:
        names.add(FOR_SALE)
    if write.retain is not None:
        names.add(RETAIN)
    return frozenset(names | {ITEM} if isinstance(write, Create) else names)


def item_words(item: Item) -> str:
    """Name an item in one line."""
    return " ".join(filter(None, (item.item_type, item.number, str(item.color_id), item.condition, item.completeness)))


def _sent_value(row: ListingRow, name: str) -> Value:
    own: dict[str, Value] = {FOR_SALE: row.sent_for_sale, RETAIN: row.sent_retain, ITEM: row.shown.get(ITEM)}
    return own[name] if name in own else row.sent.get(name)


def _is_automatic(name: str, listing: Listing, facts: Facts) -> bool:
    """A shop may put an empty listing into a stockroom by itself (marketplaces/bricklink.md#3.5)."""
    return listing.quantity == 0 and name != ITEM and group_of(name, facts) is Group.QUANTITY
