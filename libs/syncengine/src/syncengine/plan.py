"""What to send next for one lot: decides, touches nothing, and is tested as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from syncengine.drift import groups_in_conflict
from syncengine.listing import Group, ListingId, Lot, Value
from syncengine.marketplace import Create, Facts, Remove, Update, Write
from syncengine.rows.listing import FOR_SALE, RETAIN, ListingRow


class Tier(IntEnum):
    """In which order calls are made when they are scarce (rule B2)."""

    DECREASE = 1
    REMOVAL = 2
    """That no sale caused: the guard of rule B5 may hold it."""
    CREATE = 3
    INCREASE = 4
    PRICE = 5
    TEXT = 6
    REST = 7


ANOTHER_CURRENCY = "ANOTHER_CURRENCY"
"""Why prices in another currency than the shop's are set aside (rule W2)."""

_NEVER = object()
"""In place of the value of a field that was not sent: it equals none."""
_TIER_OF = {Group.PRICE: Tier.PRICE, Group.TEXT: Tier.TEXT, Group.REST: Tier.REST}


def tier_of_write(kind: str, delta: int, *, for_sale: bool | None, first_group: Group) -> Tier:
    """Say under which rank a write counts that was made. `kind`: the name of its class."""
    if kind in (Create.__name__, Remove.__name__):
        return Tier.CREATE if kind == Create.__name__ else Tier.REMOVAL
    if first_group is Group.QUANTITY:
        return Tier.DECREASE if delta < 0 or for_sale is False else Tier.INCREASE
    return _TIER_OF[first_group]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One call is due."""

    write: Write
    groups: tuple[Group, ...]
    tier: Tier


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be sent now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """The shop holds all that it should, by our books."""


Plan = Send | Wait | Nothing


def plan(row: ListingRow, facts: Facts, *, may_increase: bool) -> Plan:
    """Decide. `may_increase` is false while late orders may still show (rule C4): increases and creates wait."""
    if row.intent_id is not None:
        return Wait("a call's outcome is open")
    if row.look_since is not None:
        return Wait("a look is wanted")
    if row.stale:
        return Wait("an event of this lot could not be decoded")  # rule T5
    if row.listing_id is None:
        return _plan_create(row, facts, may_increase=may_increase)
    if row.target == 0 and not _stays_at_zero(row, facts):
        if not _is_counted(row):
            return Wait("inventory has not yet counted what was told again")
        by_sales = row.desired.sold_out or row.uncounted > 0
        return _removal(row.listing_id, Tier.DECREASE if by_sales else Tier.REMOVAL)  # rule Q3
    if may_increase and _is_to_be_replaced(row):
        is_less = row.ledger is not None and row.target < row.ledger
        return _removal(row.listing_id, Tier.DECREASE if is_less else Tier.CREATE)  # rule N4: a create follows
    return _plan_update(row, facts, may_increase=may_increase)


def _removal(listing_id: ListingId, tier: Tier) -> Send:
    return Send(write=Remove(listing_id=listing_id), groups=(Group.QUANTITY,), tier=tier)


def _is_to_be_replaced(row: ListingRow) -> bool:
    """Tell whether the lot became another item, which no update can say, and nothing hinders its creation."""
    return (
        row.listed_item is not None
        and row.listed_item != row.desired.item
        and row.desired.is_mapped
        and row.desired.for_sale
        and row.trouble is None
        and not row.conflicts
        and not row.parked
        and _is_counted(row)
    )


def _plan_create(row: ListingRow, facts: Facts, *, may_increase: bool) -> Plan:
    desired = row.desired
    if row.target == 0 or not desired.for_sale:
        return Nothing()  # rule Q5
    if row.trouble is not None:
        return Wait("a person decides")  # rules Q4, C2
    if not desired.is_mapped:
        return Wait("its item is not known in the marketplace's catalogue")
    if not _is_counted(row):
        return Wait("inventory has not yet counted what was told again")
    if not may_increase:
        return Wait("late orders may still show")
    if any(_is_parked(row, group) for group in Group):
        return Wait("the shop refused it")
    create = Create(
        item=desired.item,
        quantity=row.target,
        for_sale=desired.for_sale,
        retain=is_retained(desired, facts),
        fields={name: value for name, value in desired.fields.items() if name not in facts.created_with},
    )
    return Send(write=create, groups=tuple(Group), tier=Tier.CREATE)


def _plan_update(row: ListingRow, facts: Facts, *, may_increase: bool) -> Plan:
    assert row.listing_id is not None  # noqa: S101 - the caller's case
    desired, due, held = row.desired, due_fields(row, facts), groups_in_conflict(row, facts)
    delta = _due_delta(row, may_increase=may_increase and Group.QUANTITY not in held)
    hides = row.sent_for_sale and not desired.for_sale
    shows = (
        desired.for_sale and not row.sent_for_sale and may_increase and _is_counted(row) and Group.QUANTITY not in held
    )
    # A shop may have put an empty listing into a stockroom by itself (marketplaces/bricklink.md#3.5).
    refills = delta > 0 and row.ledger == 0 and desired.for_sale
    ranks: dict[Group, Tier] = {group: _TIER_OF[group] for group in due if group is not Group.QUANTITY}
    if delta < 0 or hides:
        ranks[Group.QUANTITY] = Tier.DECREASE  # rule Q5: hiding ranks as a decrease
    elif delta > 0 or shows or (Group.QUANTITY in due and desired.for_sale == row.sent_for_sale):
        ranks[Group.QUANTITY] = Tier.INCREASE
    retain = is_retained(desired, facts)
    if retain != row.sent_retain and not _is_parked(row, Group.REST) and Group.REST not in held:
        ranks.setdefault(Group.REST, Tier.REST)
    for group in ranks.keys() & due.keys():
        if any(name not in row.sent for name in due[group]):
            ranks[group] = min(ranks[group], Tier.CREATE)  # rule F4: what the create did not take ranks with it
    if not ranks:
        return _nothing_due(row)
    if row.apart_at == row.revision:  # rule F1: after a refusal quantity goes alone first, then group by group
        first = min(ranks, key=lambda group: (ranks[group], list(Group).index(group)))
        ranks = {first: ranks[first]}
    fields: dict[str, Value] = {}
    for group in ranks:
        fields.update(due.get(group, {}))
    for name in facts.repeated_fields:
        if name not in fields:
            fields[name] = row.sent.get(name, desired.fields.get(name))
    delta = delta if Group.QUANTITY in ranks else 0
    update = Update(
        listing_id=row.listing_id,
        delta=delta,
        ledger=row.ledger if delta else None,
        fields=fields,
        for_sale=desired.for_sale if Group.QUANTITY in ranks and (hides or shows or refills) else None,
        retain=retain if Group.REST in ranks and retain != row.sent_retain else None,
    )
    groups = tuple(group for group in Group if group in ranks)
    return Send(write=update, groups=groups, tier=min(ranks.values()))


def _nothing_due(row: ListingRow) -> Plan:
    if row.ledger != row.target or row.sent_for_sale != row.desired.for_sale:
        return Wait("held back, or a person decides")
    return Nothing()


def due_fields(row: ListingRow, facts: Facts) -> dict[Group, dict[str, Value]]:
    """List, by group, the fields whose desired value is not the one sent (rule F2); set-aside groups are left out."""
    due: dict[Group, dict[str, Value]] = {}
    held = groups_in_conflict(row, facts)
    for name, group in facts.groups.items():
        value = row.desired.fields.get(name)
        there = row.sent[name] if name in row.sent else facts.created_with.get(name, _NEVER)
        if there != value and not _is_parked(row, group) and group not in held:
            due.setdefault(group, {})[name] = value
    return due


def _due_delta(row: ListingRow, *, may_increase: bool) -> int:
    if row.ledger is None or not _is_counted(row):
        return 0
    delta = row.target - row.ledger
    if delta > 0 and (not may_increase or row.trouble is not None or _is_parked(row, Group.QUANTITY)):
        return 0
    return delta


def _is_counted(row: ListingRow) -> bool:
    # Rule C4, compared each time; and what a person answered must have come back as the lot that it made.
    return row.counted_seq >= row.recount_seq and row.revision >= row.awaited_revision


def is_retained(lot: Lot, facts: Facts) -> bool:
    """Tell what a shop shall know of whether a listing stays at zero: nothing, where it always does."""
    return lot.retain and not facts.keeps_sold_out


def _stays_at_zero(row: ListingRow, facts: Facts) -> bool:
    return row.desired.retain and (facts.keeps_sold_out or row.sent_retain or row.apart_at != row.revision)


def _is_parked(row: ListingRow, group: Group) -> bool:
    return group in row.parked


def desired_values(row: ListingRow, facts: Facts, group: Group) -> Mapping[str, Value]:
    """Pick the desired values of one group, the engine's own fields among them: what parking remembers (rule F1)."""
    values: dict[str, Value] = {
        name: row.desired.fields.get(name) for name, its_group in facts.groups.items() if its_group is group
    }
    if group is Group.QUANTITY:
        values |= {"quantity": row.desired.quantity, FOR_SALE: row.desired.for_sale}
    if group is Group.PRICE:
        values |= {"currency_code": row.desired.currency_code}
    if group is Group.REST:
        values |= {RETAIN: is_retained(row.desired, facts)}
    return values


def is_settled(row: ListingRow, facts: Facts, group: Group) -> bool:
    """Tell whether the shop holds this group as desired, by our books."""
    if (
        row.stale
        or row.intent_id is not None
        or row.on_trial
        or group in row.parked
        or group in groups_in_conflict(row, facts)
    ):
        return False
    if row.listing_id is None:
        return row.trouble is None and (row.target == 0 or not row.desired.for_sale)
    if row.ledger is None:
        return False  # linked, and not read since
    if row.listed_item not in (None, row.desired.item):
        return False
    if group is Group.QUANTITY:
        if row.look_since is not None or row.trouble is not None or row.may_show_more or not _is_counted(row):
            return False
        if row.uncounted or row.ledger != row.target or row.sent_for_sale != row.desired.for_sale:
            return False
    if group is Group.REST and row.sent_retain != is_retained(row.desired, facts):
        return False
    return group not in due_fields(row, facts)
