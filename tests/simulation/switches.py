"""Each numbered rule turned off, from outside, for a test only: some life must then fail the judgement named here.

A rule that no life needs would be either badly simulated or superfluous.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import syncengine.booking
import syncengine.settle
import syncengine.turn
from simulation.seeds import BOTH, BRICKLINK, BRICKOWL
from sync_brickowl.orders import viewed
from syncengine.batches import is_usable
from syncengine.budget import cap_of, ticket
from syncengine.choose import Choice
from syncengine.events import RECOUNT
from syncengine.explain import Finding, Known, _find, explain, explain_in_hindsight
from syncengine.explain_create import Absent, explain_create
from syncengine.lane import Lane, after_failure
from syncengine.listing import OrderSummary
from syncengine.marketplace import Create, Ticket, Update
from syncengine.plan import Send, Tier, _plan_create, plan
from syncengine.rows import CensusReason, Fate, Intent, Lease, ListingRow, Spent, Trouble
from syncengine.testing.inventory import Inventory
from syncengine.testing.memory_store import MemoryStore, MemoryTransaction

Patch = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One rule's absence."""

    rule: str
    without: str
    """What happens instead."""
    judgement: int
    """Which must fail."""
    patches: tuple[Patch, ...]
    shop: str = BRICKLINK
    """Whose model some life with that needs the rule."""

    @contextmanager
    def off(self) -> Iterator[None]:
        """Turn the rule off."""
        with ExitStack() as stack:
            for each in self.patches:
                stack.enter_context(each())
            yield


def _instead(target: str, replacement: Any) -> Patch:
    return partial(patch, target, replacement)


def _of(owner: type, name: str, replacement: Any) -> Patch:
    return partial(patch.object, owner, name, replacement)


# Replacements: each does what the engine did without its rule ---------------------------------------------------------

_check_reply, in_ledger = syncengine.settle._check_reply, syncengine.booking.in_ledger
_applied, _refused, _rows_callable = (
    syncengine.settle.applied,
    syncengine.settle.refused,
    MemoryTransaction._callable_rows,
)
_census_due_at, _take_result = syncengine.turn._census_due_at, Inventory.take_result


def _believe_reply(row: ListingRow, intent: Intent, listing: Any, facts: Any, now: datetime) -> ListingRow:
    row = _check_reply(row, intent, listing, facts, now)
    if listing is None or row.ledger is None:
        return row
    return replace(row, ledger=listing.quantity, look_since=None)


def _shown_is_sent(row: ListingRow, intent: Intent, listing: Any, facts: Any, now: datetime) -> ListingRow:
    row = _check_reply(row, intent, listing, facts, now)
    return row if listing is None else replace(row, sent=dict(listing.fields))


def _repair_at_once(row: ListingRow, intent: Any, seen: Any, *rest: Any, **named: Any) -> Known | None:
    known = explain(row, intent, seen, *rest, **named)
    if known is not None or intent is not None or seen.quantity is None:
        return known
    return Known(replace(row, ledger=seen.quantity, look_since=None, observed=None, doubt=0, probation=None), None)


def _without_probation(*given: Any, **named: Any) -> Known | None:
    known = explain(*given, **named)
    return known if known is None else replace(known, row=replace(known.row, probation=None))


def _without_returns(*given: Any, returned: int, **named: Any) -> tuple[Finding, int]:
    return _find(*given, **named), 0


def _all_put_back(*given: Any, returned: int = 0, **named: Any) -> Known | None:
    known = explain(*given, **named)
    return known if known is None or known.row.listing_id is None else replace(known, restocked=returned)


def _create_again(*given: Any, **named: Any) -> Known | None:
    known = explain_in_hindsight(*given, **named)
    if known is None or known.row.trouble is not Trouble.GONE_UNEXPLAINED:
        return known
    return replace(known, row=replace(known.row, trouble=None))


def _absent_from_one_list(intent: Any, newcomers: Any, lines: Any, facts: Any) -> Any:
    return explain_create(intent, newcomers, lines, facts) if newcomers else Absent()


def _hiding_last(row: ListingRow, *given: Any, **named: Any) -> Any:
    planned = plan(row, *given, **named)
    if isinstance(planned, Send) and isinstance(planned.write, Update):
        hides = planned.write.for_sale is False and planned.write.delta >= 0
        return replace(planned, tier=Tier.REST) if hides else planned
    return planned


def _park_everything(row: ListingRow, intent: Intent, reason: str, facts: Any, now: datetime) -> ListingRow:
    if len(intent.groups) == 1:
        return _refused(row, intent, reason, facts, now)
    row = syncengine.settle.not_applied(row)
    for group in intent.groups:
        row = syncengine.settle.park(row, group, reason, facts, intent.revision)
    return row


def _unlooked(settled: Callable[..., ListingRow]) -> Callable[..., ListingRow]:
    """Wrap what books something on a row, so that it asks for no look."""

    def booked(row: ListingRow, *given: Any, **named: Any) -> ListingRow:
        return replace(settled(row, *given, **named), look_since=row.look_since)

    return booked


def _unheld(row: Any, **changes: Any) -> Any:
    changes.pop("hold_increases_until", None)
    return replace(row, **changes)


async def _no_alarm(*given: Any) -> str:
    return ""


async def _no_loss(*given: Any) -> None:
    """Go on as if nothing had happened."""


async def _no_check(*given: Any) -> None:
    """Take any shop for ours."""


async def _nothing_unowned(*given: Any) -> list[Any]:
    return []


async def _nothing_being_created(*given: Any) -> dict[Any, Any]:
    return {}


async def _rows_untold(tx: Any, rows: Any, *given: Any) -> Any:
    return {row.lot_id: row for row in rows}


async def _lease_for_all(self: MemoryStore, seller_id: Any, owner: str, now: datetime, until: datetime) -> Lease:
    return Lease(seller_id=seller_id, owner=owner, term=1, expires_at=until)


async def orphans_not_done(lane: Any, tx: Any, connection: Any) -> None:
    """Take an intent without an outcome for one that was never sent."""
    orphans = [intent for intent in await tx.open_intents(connection.seller_id) if intent.fate is Fate.OPEN]
    rows = await tx.find_listings([intent.lot_id for intent in orphans])
    for intent in orphans:
        await tx.save_intents([syncengine.settle.closed(intent, Fate.NOT_APPLIED, lane.clock.now())])
    await lane.save(tx, [syncengine.settle.not_applied(row) for row in rows.values()])


def _ledger_of_any_listing(row: ListingRow, line: Any, *rest: Any, **named: Any) -> ListingRow:
    return in_ledger(row, replace(line, listing_id=row.listing_id), *rest, **named)


def _census_at_once(lane: Any, connection: Any, now: datetime) -> datetime:
    return now if connection.census_reason is CensusReason.DATABASE_LOST else _census_due_at(lane, connection, now)


async def _uncapped(lane: Lane, tx: Any, connection: Any, outcome: Any) -> Any:
    return after_failure(connection, outcome, lane.settings, lane.random, lane.clock.now())


def _all_for_writes(connection: Any, facts: Any, settings: Any, spent: Spent) -> int:
    return max(0, cap_of(connection, facts) - spent.calls)


def _unlimited(*given: Any, **named: Any) -> Any:
    return ticket(*given, **{**named, "spent": Spent()})


def _stamped_by_the_clock(connection: Any, *given: Any, **named: Any) -> Any:
    granted = ticket(connection, *given, **named)
    if not isinstance(granted, tuple):
        return granted
    stamp = named["now"].astimezone(UTC).replace(microsecond=0)
    return granted[0], Ticket(stamp=stamp, deadline=named["deadline"])


def _unranked(self: MemoryTransaction, seller_id: Any, tiers: Any) -> list[ListingRow]:
    return sorted(_rows_callable(self, seller_id, tiers), key=lambda row: row.lot_id)


def _unsent_lots(self: Inventory, result: Any) -> None:
    lots, self.lots = self.lots, {} if result.WhichOneof("result") == "state_wished" else self.lots
    _take_result(self, result)
    self.lots = lots


def _add_total(line: Any, total: int) -> tuple[int, int]:
    return line.total, line.total


def _last_plus_one(last: int, now: datetime) -> int:
    return last + 1


def _look_at_once(self: Intent, settings: Any) -> datetime:
    return self.sent_at + self.deadline


def _create_with_all(row: ListingRow, *given: Any, **named: Any) -> Any:
    planned = _plan_create(row, *given, **named)
    if not isinstance(planned, Send) or not isinstance(planned.write, Create):
        return planned
    return replace(planned, write=replace(planned.write, fields=dict(row.desired.fields)))


def _usable_unless_ended(*given: Any, **named: Any) -> bool:
    return is_usable(*given, **named) is not False


def _unmerged(order: OrderSummary, raw: object) -> OrderSummary:
    return replace(viewed(order, raw), merged_into=None)


SWITCHES: tuple[Switch, ...] = (
    Switch(
        rule="Q1",
        without="the number in a reply is believed",
        judgement=1,
        patches=(_instead("syncengine.settle._check_reply", _believe_reply),),
    ),
    Switch(
        rule="Q2",
        without="sales that inventory has not counted yet are put back on sale",
        judgement=1,
        patches=(_of(ListingRow, "target", property(lambda row: max(0, row.desired.quantity))),),
    ),
    Switch(
        rule="Q4",
        without="what is gone without an explanation is listed again",
        judgement=1,
        patches=(_instead("syncengine.look.explain_in_hindsight", _create_again),),
    ),
    Switch(
        rule="Q5",
        without="hiding a lot waits behind everything",
        judgement=6,
        patches=(_instead("syncengine.saving.plan", _hiding_last), _instead("syncengine.sendable.plan", _hiding_last)),
    ),
    Switch(
        rule="N1",
        without="lots of one item are created at the same time",
        judgement=7,
        patches=(_of(Choice, "_items_being_created", _nothing_being_created),),
    ),
    Switch(
        rule="N3",
        without="one list without a candidate proves that a create was not done",
        judgement=1,
        patches=(_instead("syncengine.look_create.explain_create", _absent_from_one_list),),
    ),
    Switch(
        rule="N5",
        without="order lines on old listings move the ledger of the present one",
        judgement=4,
        patches=(_instead("syncengine.booking.in_ledger", _ledger_of_any_listing),),
    ),
    Switch(
        rule="N4",
        without="a lot that became another item keeps its listing",
        judgement=7,
        patches=(_instead("syncengine.plan._is_to_be_replaced", lambda row: False),),
    ),
    Switch(
        rule="K1",
        without="a look does not wait for what may still land",
        judgement=7,
        patches=(_of(Intent, "looked_at_from", _look_at_once),),
    ),
    Switch(
        rule="K2",
        without="an increase is believed not done as soon as the number says so",
        judgement=1,
        patches=(_instead("syncengine.explain._is_increase", lambda intent: False),),
    ),
    Switch(
        rule="K3",
        without="a refused decrease, a reply unlike the ledger, or a ledger below zero is not looked at",
        judgement=1,
        patches=(
            _instead("syncengine.settle._check_reply", _unlooked(_check_reply)),
            _instead("syncengine.settle.applied", _unlooked(_applied)),
            _instead("syncengine.settle.refused", _unlooked(_refused)),
            _instead("syncengine.booking.in_ledger", _unlooked(in_ledger)),
            _instead("syncengine.explain.wants_look", lambda row, now: row),
        ),
    ),
    Switch(
        rule="K4",
        without="a shortfall that no order explains is repaired at once",
        judgement=1,
        patches=(_instead("syncengine.look.explain", _repair_at_once),),
    ),
    Switch(
        rule="K5",
        without="the first look at an unknown outcome is the last",
        judgement=4,
        patches=(_instead("syncengine.look.explain", _without_probation),),
    ),
    Switch(
        rule="C1",
        without="after a loss the census does not wait for what was sent before",
        judgement=7,
        patches=(_instead("syncengine.turn._census_due_at", _census_at_once),),
    ),
    Switch(
        rule="C2",
        without="listings that nobody owns do not matter",
        judgement=1,
        patches=(_of(MemoryTransaction, "unowned", _nothing_unowned),),
    ),
    Switch(
        rule="C3",
        without="orders older than the connection are subtracted",
        judgement=2,
        patches=(_instead("syncengine.census.BASELINE", RECOUNT),),
    ),
    Switch(
        rule="C4",
        without="after a census increases do not wait for late orders",
        judgement=1,
        patches=(_instead("syncengine.census.replace", _unheld),),
    ),
    Switch(
        rule="C4 (counted)",
        without="a lot does not wait until inventory has counted what was told again",
        judgement=1,
        patches=(_instead("syncengine.plan._is_counted", lambda row: True),),
    ),
    Switch(
        rule="C4 (strange orders)",
        without="orders of listings that nobody knows hold nothing back",
        judgement=1,
        patches=(_instead("syncengine.held._held", lambda lines, connection: ()),),
    ),
    Switch(
        rule="C5",
        without="an empty list is believed",
        judgement=1,
        patches=(_instead("syncengine.census._alarm", _no_alarm),),
    ),
    Switch(
        rule="L1, L2",
        without="two workers serve the connection at the same time",
        judgement=1,
        patches=(
            _of(MemoryStore, "take_lease", _lease_for_all),
            _of(MemoryStore, "_check", lambda self, lease: None),
            _of(Lane, "time_left", lambda self, intended_at, deadline: deadline),
        ),
    ),
    Switch(
        rule="L3",
        without="an intent dies with its sender",
        judgement=1,
        patches=(_instead("syncengine.turn._find_orphans", orphans_not_done),),
    ),
    Switch(
        rule="B1",
        without="calls are not counted",
        judgement=5,
        patches=(_instead("syncengine.lane.ticket", _unlimited),),
    ),
    Switch(
        rule="B2",
        without="calls go in the order of lots",
        judgement=6,
        patches=(_of(MemoryTransaction, "_callable_rows", _unranked),),
    ),
    Switch(
        rule="B2 (share)",
        without="writes may use the calls that looks and order reads own",
        judgement=5,
        patches=(
            _instead("syncengine.budget.writes_left", _all_for_writes),
            _instead("syncengine.choose.writes_left", _all_for_writes),
        ),
    ),
    Switch(
        rule="B3",
        without="what a shop says of its quota changes nothing",
        judgement=5,
        patches=(_of(Lane, "after_failure", _uncapped),),
    ),
    Switch(
        rule="B4",
        without="a call's stamp is the clock's second",
        judgement=5,
        patches=(_instead("syncengine.lane.ticket", _stamped_by_the_clock),),
    ),
    Switch(
        rule="B5",
        without="many removals need nobody's consent",
        judgement=9,
        patches=(_instead("syncengine.choose.held_removals", lambda *given, **named: 0),),
    ),
    Switch(
        rule="F1",
        without="whatever was in a refused call is parked",
        judgement=7,
        patches=(_instead("syncengine.settle.refused", _park_everything),),
    ),
    Switch(
        rule="F2",
        without="what the shop shows is taken for what was sent",
        judgement=7,
        patches=(_instead("syncengine.settle._check_reply", _shown_is_sent),),
    ),
    Switch(
        rule="T1",
        without="numbers go on from the last one known",
        judgement=7,
        patches=(
            _instead("syncengine.booking.next_seq", _last_plus_one),
            _instead("syncengine.report.next_seq", _last_plus_one),
        ),
    ),
    Switch(
        rule="T2",
        without="a restored database is not noticed",
        judgement=1,
        patches=(_instead("syncengine.testing.simulation.databases.begin_anew_after_loss", _no_loss),),
    ),
    Switch(
        rule="T3",
        without="whatever lot event comes last is the newest",
        judgement=1,
        patches=(_instead("syncengine.absorb._rank", lambda item: (2**62, 0)),),
    ),
    Switch(
        rule="T4",
        without="inventory does not send lots again",
        judgement=7,
        patches=(_of(Inventory, "take_result", _unsent_lots),),
    ),
    Switch(
        rule="T6",
        without="a restored inventory's revisions begin where its backup was",
        judgement=7,
        patches=(_instead("syncengine.testing.inventory.RESTORED", 0),),
    ),
    Switch(
        rule="S1",
        without="an order line that waited for its listing is never told",
        judgement=2,
        patches=(_instead("syncengine.look_create.tell_linked_lines", _rows_untold),),
    ),
    Switch(
        rule="S3",
        without="inventory adds each total that it is told",
        judgement=2,
        patches=(_of(Inventory, "_of_known", staticmethod(_add_total)),),
    ),
    Switch(
        rule="S4",
        without="no look asks whether the shop put back what left an order",
        judgement=7,
        patches=(_instead("syncengine.explain._find_with_returns", _without_returns),),
    ),
    Switch(
        rule="S4 (put back)",
        without="what left an order counts as put back, whatever the shop shows",
        judgement=2,
        patches=(_instead("syncengine.look.explain", _all_put_back),),
    ),
    Switch(
        rule="W1",
        without="nobody checks whose shop it is",
        judgement=1,
        patches=(_instead("syncengine.orders._verify_shop", _no_check),),
    ),
    Switch(
        rule="W2",
        without="prices in another currency are sent as they are",
        judgement=7,
        patches=(_instead("syncengine.sendable._is_foreign", lambda row, connection: False),),
    ),
    Switch(
        rule="C1 (reconnected)",
        without="a shop that is connected again is taken for a new one, although a write of before is under way",
        judgement=2,
        patches=(_instead("syncengine.absorb._keeps_books", lambda connection: False),),
        shop=BOTH,
    ),
    Switch(
        rule="F4",
        without="a create is believed to take every field",
        judgement=7,
        patches=(_instead("syncengine.plan._plan_create", _create_with_all),),
        shop=BRICKOWL,
    ),
    Switch(
        rule="N2",
        without="calls of several writes are believed before one was seen to be done",
        judgement=7,
        patches=(
            _instead("syncengine.batches.is_usable", _usable_unless_ended),
            _instead("syncengine.choose.is_usable", _usable_unless_ended),
        ),
        shop=BRICKOWL,
    ),
    Switch(
        rule="S2",
        without="an order that went into another is one like any other",
        judgement=2,
        patches=(_instead("sync_brickowl.client.viewed", _unmerged),),
        shop=BRICKOWL,
    ),
)

FIRST_FAILING: Mapping[str, Mapping[str, int]] = json.loads((Path(__file__).parent / "first_failing.json").read_text())
"""By shop and rule: the first life that fails without it, as `make simulate ARGS="--switches --record"` and
`--shop` found; any change of the
engine or the story may make it another."""

BY_RULE: Mapping[str, Switch] = {switch.rule: switch for switch in SWITCHES}


def switches_of(shop: str) -> Mapping[str, Switch]:
    """Pick the switches that lives with this shop's model are for, by rule."""
    return {rule: switch for rule, switch in BY_RULE.items() if switch.shop == shop}
