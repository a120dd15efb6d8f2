"""Each numbered rule turned off, from outside, for a test only: some life must then fail the judgement named here.

A rule that no life needs would be either badly simulated or superfluous.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from simulation import replacements
from simulation.seeds import BOTH, BRICKLINK, BRICKOWL
from syncengine.choose import Choice
from syncengine.events import RECOUNT
from syncengine.lane import Lane
from syncengine.rows.intent import Intent
from syncengine.rows.listing import ListingRow
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


SWITCHES: tuple[Switch, ...] = (
    Switch(
        rule="Q1",
        without="the number in a reply is believed",
        judgement=1,
        patches=(_instead("syncengine.settle._check_reply", replacements.believe_reply),),
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
        patches=(_instead("syncengine.look.explain_in_hindsight", replacements.create_again),),
    ),
    Switch(
        rule="Q5",
        without="hiding a lot waits behind everything",
        judgement=6,
        patches=(
            _instead("syncengine.saving.plan", replacements.hiding_last),
            _instead("syncengine.sendable.plan", replacements.hiding_last),
        ),
    ),
    Switch(
        rule="N1",
        without="lots of one item are created at the same time",
        judgement=7,
        patches=(_of(Choice, "_items_being_created", replacements.nothing_being_created),),
    ),
    Switch(
        rule="N3",
        without="one list without a candidate proves that a create was not done",
        judgement=1,
        patches=(_instead("syncengine.look_create.explain_create", replacements.absent_from_one_list),),
    ),
    Switch(
        rule="N5",
        without="order lines on old listings move the ledger of the present one",
        judgement=4,
        patches=(_instead("syncengine.booking.in_ledger", replacements.ledger_of_any_listing),),
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
        patches=(_of(Intent, "looked_at_from", replacements.look_at_once),),
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
            *(_instead(target, unlooked) for target, unlooked in replacements.UNLOOKED.items()),
            _instead("syncengine.explain.wants_look", lambda row, now: row),
        ),
    ),
    Switch(
        rule="K4",
        without="a shortfall that no order explains is repaired at once",
        judgement=1,
        patches=(_instead("syncengine.look.explain", replacements.repair_at_once),),
    ),
    Switch(
        rule="K5",
        without="the first look at an unknown outcome is the last",
        judgement=4,
        patches=(_instead("syncengine.look.explain", replacements.without_probation),),
    ),
    Switch(
        rule="C1",
        without="after a loss the census does not wait for what was sent before",
        judgement=7,
        patches=(_instead("syncengine.turn._census_due_at", replacements.census_at_once),),
    ),
    Switch(
        rule="C2",
        without="listings that nobody owns do not matter",
        judgement=1,
        patches=(_of(MemoryTransaction, "unowned", replacements.nothing_unowned),),
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
        patches=(_instead("syncengine.census.replace", replacements.unheld),),
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
        patches=(_instead("syncengine.census._alarm", replacements.no_alarm),),
    ),
    Switch(
        rule="L1, L2",
        without="two workers serve the connection at the same time",
        judgement=1,
        patches=(
            _of(MemoryStore, "take_lease", replacements.lease_for_all),
            _of(MemoryStore, "_check", lambda self, lease: None),
            _of(Lane, "time_left", lambda self, intended_at, deadline: deadline),
        ),
    ),
    Switch(
        rule="L3",
        without="an intent dies with its sender",
        judgement=1,
        patches=(_instead("syncengine.turn._find_orphans", replacements.orphans_not_done),),
    ),
    Switch(
        rule="B1",
        without="calls are not counted",
        judgement=5,
        patches=(_instead("syncengine.lane.ticket", replacements.unlimited),),
    ),
    Switch(
        rule="B2",
        without="calls go in the order of lots",
        judgement=6,
        patches=(_of(MemoryTransaction, "_callable_rows", replacements.unranked),),
    ),
    Switch(
        rule="B2 (share)",
        without="writes may use the calls that looks and order reads own",
        judgement=5,
        patches=(
            _instead("syncengine.budget.writes_left", replacements.all_for_writes),
            _instead("syncengine.choose.writes_left", replacements.all_for_writes),
        ),
    ),
    Switch(
        rule="B3",
        without="what a shop says of its quota changes nothing",
        judgement=5,
        patches=(_of(Lane, "after_failure", replacements.uncapped),),
    ),
    Switch(
        rule="B4",
        without="a call's stamp is the clock's second",
        judgement=5,
        patches=(_instead("syncengine.lane.ticket", replacements.stamped_by_the_clock),),
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
        patches=(_instead("syncengine.settle.refused", replacements.park_everything),),
    ),
    Switch(
        rule="F2",
        without="what the shop shows is taken for what was sent",
        judgement=7,
        patches=(_instead("syncengine.settle._check_reply", replacements.shown_is_sent),),
    ),
    Switch(
        rule="T1",
        without="numbers go on from the last one known",
        judgement=7,
        patches=(
            _instead("syncengine.booking.next_seq", replacements.last_plus_one),
            _instead("syncengine.report.next_seq", replacements.last_plus_one),
        ),
    ),
    Switch(
        rule="T2",
        without="a restored database is not noticed",
        judgement=1,
        patches=(_instead("syncengine.testing.simulation.databases.begin_anew_after_loss", replacements.no_loss),),
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
        patches=(_of(Inventory, "take_result", replacements.unsent_lots),),
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
        patches=(_instead("syncengine.look_create.tell_linked_lines", replacements.rows_untold),),
    ),
    Switch(
        rule="S3",
        without="inventory adds each total that it is told",
        judgement=2,
        patches=(_of(Inventory, "_of_known", staticmethod(replacements.add_total)),),
    ),
    Switch(
        rule="S4",
        without="no look asks whether the shop put back what left an order",
        judgement=7,
        patches=(_instead("syncengine.explain._find_with_returns", replacements.without_returns),),
    ),
    Switch(
        rule="S4 (put back)",
        without="what left an order counts as put back, whatever the shop shows",
        judgement=2,
        patches=(_instead("syncengine.look.explain", replacements.all_put_back),),
    ),
    Switch(
        rule="W1",
        without="nobody checks whose shop it is",
        judgement=1,
        patches=(_instead("syncengine.orders.verify_shop", replacements.no_check),),
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
        patches=(_instead("syncengine.plan._plan_create", replacements.create_with_all),),
        shop=BRICKOWL,
    ),
    Switch(
        rule="N2",
        without="calls of several writes are believed before one was seen to be done",
        judgement=7,
        patches=(
            _instead("syncengine.batches.is_usable", replacements.usable_unless_ended),
            _instead("syncengine.choose.is_usable", replacements.usable_unless_ended),
        ),
        shop=BRICKOWL,
    ),
    Switch(
        rule="S2",
        without="an order that went into another is one like any other",
        judgement=2,
        patches=(_instead("sync_brickowl.client.viewed", replacements.unmerged),),
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
