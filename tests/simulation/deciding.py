"""How often each numbered rule decided something: counted from outside, by wrapping what decides."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from typing import Any
from unittest.mock import patch

from syncengine.budget import NotBefore
from syncengine.choose import Choice
from syncengine.events import BASELINE, RECOUNT
from syncengine.lane import Lane
from syncengine.marketplace import Remove, Update
from syncengine.plan import Send, Tier
from syncengine.rows.connection import CensusReason
from syncengine.rows.intent import Intent
from syncengine.testing.inventory import Inventory
from syncengine.testing.simulation.shop import FaultyShop

Judge = Callable[..., str | None]
"""Takes what was returned, then what was given; says which rule decided, if any."""


def _explained(known: Any, row: Any, intent: Any, *_: Any, **__: Any) -> str | None:
    if known is None:
        return "K2 an unknown outcome waits for late orders" if intent else "K4 a shortfall waits for late orders"
    return "K5 an outcome is on probation" if known.row.probation else None


def _booked(row: Any, before: Any, line: Any, *_: Any, **__: Any) -> str | None:
    if before.listing_id != line.listing_id:
        return "N5 a line of an old listing leaves the ledger"
    return "Q1 a line moves the ledger" if row is not before else "Q1 a line was in the ledger"


def _planned(planned: Any, row: Any, *_: Any, **__: Any) -> str | None:
    if row.uncounted and row.listing_id is not None:
        return "Q2 a sale is not counted yet"
    if isinstance(planned, Send) and isinstance(planned.write, Remove):
        return "Q3 zero is a removal"
    if isinstance(planned, Send) and isinstance(planned.write, Update) and planned.write.for_sale is False:
        return "Q5 hiding ranks as a decrease"
    if isinstance(planned, Send) and isinstance(planned.write, Update) and planned.tier is Tier.CREATE:
        return "F4 the rest of a create follows it"
    return None


def _seen(result: Any, *_: Any, **__: Any) -> str | None:
    _, verdicts = result
    if False in verdicts.values():
        return "N2 a kind of batch is not used any more"
    return "N2 a kind of batch was seen to be done" if verdicts else None


def _granted(granted: Any, connection: Any, *_: Any, now: Any, **__: Any) -> str | None:
    if isinstance(granted, NotBefore):
        return {"QUOTA": "B1 the budget is spent", "PACE": "B4 stamps ran ahead"}.get(granted.reason)
    return "B4 a stamp is later than the clock" if granted[1].stamp > now else None


def _told(told: Any, row: Any, line: Any, kind: Any, *_: Any, **__: Any) -> str | None:
    return {BASELINE: "C3 a line is told as baseline", RECOUNT: "C3 a line is told as recount"}.get(kind)


def _begun(begun: Any, lane: Any, tx: Any, connection: Any, *_: Any, **__: Any) -> str | None:
    if connection.census_reason is None:
        return None
    lost = connection.census_reason is CensusReason.DATABASE_LOST
    return "C1 a census lets calls go after a loss" if lost else "C1 a census lets calls go"


def _if(words: str) -> Judge:
    return lambda result, *_, **__: words if result else None


def _always(words: str) -> Judge:
    return lambda *_, **__: words


_WATCHED: tuple[tuple[str, Judge], ...] = (
    ("syncengine.booking.in_ledger", _booked),
    ("syncengine.booking.tell", _told),
    ("syncengine.booking.moved", _if("S2 pieces go with their order into another")),
    ("syncengine.look.seen", _seen),
    ("syncengine.booking.sold_out", _always("Q4 a listing is gone by sales")),
    ("syncengine.saving.plan", _planned),
    ("syncengine.lane.ticket", _granted),
    ("syncengine.look.explain", _explained),
    ("syncengine.look_create.explain_create", _always("N3 candidates for an unanswered create are compared")),
    ("syncengine.look_create.tell_linked_lines", _if("S1 lines of a listing just linked are told")),
    ("syncengine.look.tell_restocked", _always("S4 the shop gave pieces back")),
    ("syncengine.settle.wants_look", _always("K3 a refusal or a reply is looked at")),
    ("syncengine.settle.refused", _always("F1 a refused call is sent apart, or its group parked")),
    ("syncengine.sendable.applied_too_often", _if("F3 a field was applied twice")),
    ("syncengine.choose._reading_for", _if("N4, Q4 a create waits for a reading")),
    ("syncengine.choose.held_removals", _if("B5 removals wait for consent")),
    ("syncengine.sendable._is_foreign", _if("W2 a price is in another currency")),
    ("syncengine.census._book_census", _begun),
    ("syncengine.census._alarm", _if("C5 a list is not believed")),
    ("syncengine.census.match", lambda found, *_, **__: "C2 a look-alike is for a person" if found.ambiguous else None),
    ("syncengine.held._held", _if("C4 an order without an owner holds its item")),
    ("syncengine.plan._is_counted", lambda counted, *_: None if counted else "C4 a lot waits until it is counted"),
    ("syncengine.plan.groups_in_conflict", _if("F2 a foreign edit waits for a person")),
    ("syncengine.absorb._absorbed", lambda row, *_: "T3 an old event is passed over" if row is None else None),
    ("syncengine.testing.simulation.databases.begin_anew_after_loss", _always("T2 a loss is noticed")),
    ("syncengine.turn.state_wished", _always("T4 lots are wished for")),
    ("syncengine.turn._probe", _if("O2 a halt ends by a probe")),
    ("syncengine.send._probed", _always("O2 a halt is confirmed by a read")),
)

_WATCHED_METHODS: tuple[tuple[type, str, Judge], ...] = (
    (Intent, "looked_at_from", _always("K1 a look waits for what may land late")),
    (Inventory, "restore", _always("T6 a restored inventory recovers")),
    (Inventory, "take_line", _always("S3 a line is counted")),
    (Choice, "_items_being_created", _if("N1 an item is being created")),
    (Lane, "after_failure", _always("O3 a call is put off")),
    (FaultyShop, "send", _always("L3 a call follows its intent")),
)


def _counting(function: Any, judge: Judge, decided: Counter[str]) -> Any:
    def note(result: Any, given: Any, named: Any) -> Any:
        if (words := judge(result, *given, **named)) is not None:
            decided[words] += 1
        return result

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def wait(*given: Any, **named: Any) -> Any:
            return note(await function(*given, **named), given, named)

        return wait

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        return note(function(*given, **named), given, named)

    return call


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count while this lasts."""
    decided: Counter[str] = Counter()
    with ExitStack() as stack:
        for target, judge in _WATCHED:
            module, name = target.rsplit(".", 1)
            function = getattr(import_module(module), name)
            stack.enter_context(patch(target, _counting(function, judge, decided)))
        for owner, name, judge in _WATCHED_METHODS:
            stack.enter_context(patch.object(owner, name, _counting(getattr(owner, name), judge, decided)))
        yield decided


RULES = frozenset(
    {
        *("B1 the budget is spent", "B4 a stamp is later than the clock"),
        "B5 removals wait for consent",
        *("C1 a census lets calls go", "C1 a census lets calls go after a loss", "C2 a look-alike is for a person"),
        *("C3 a line is told as baseline", "C3 a line is told as recount", "C4 a lot waits until it is counted"),
        *("C4 an order without an owner holds its item", "C5 a list is not believed"),
        "K1 a look waits for what may land late",
        *("K2 an unknown outcome waits for late orders", "K3 a refusal or a reply is looked at"),
        *("K4 a shortfall waits for late orders", "K5 an outcome is on probation", "L3 a call follows its intent"),
        *("N1 an item is being created", "N3 candidates for an unanswered create are compared"),
        *("O2 a halt ends by a probe", "O2 a halt is confirmed by a read", "O3 a call is put off"),
        *("Q1 a line moves the ledger", "Q2 a sale is not counted yet", "Q3 zero is a removal"),
        *("Q4 a listing is gone by sales", "Q5 hiding ranks as a decrease"),
        *("S1 lines of a listing just linked are told", "S3 a line is counted", "S4 the shop gave pieces back"),
        "T2 a loss is noticed",
        *("T3 an old event is passed over", "T4 lots are wished for", "T6 a restored inventory recovers"),
    }
)
"""What must decide something in any fifty lives in a shop of BrickLink's."""

_NOT_AT_BRICKOWL = {
    "B4 a stamp is later than the clock",  # which ten calls a second never get ahead of
    "Q4 a listing is gone by sales",  # it stays when it sells out
    "S4 the shop gave pieces back",  # how that goes with merged orders is not judged yet
    # In one life of fifteen: BrickLink's fifty see to them.
    *("O2 a halt is confirmed by a read", "B1 the budget is spent", "T6 a restored inventory recovers"),
}
RULES_OF_BRICKOWL = (RULES - _NOT_AT_BRICKOWL) | {
    *("F4 the rest of a create follows it", "S2 pieces go with their order into another"),
    *("N2 a kind of batch was seen to be done", "N2 a kind of batch is not used any more"),
}
"""The same in any twenty lives in a shop of Brick Owl's."""

RULES_OF_BOTH = frozenset(
    {
        *("Q1 a line moves the ledger", "Q2 a sale is not counted yet", "S3 a line is counted"),
        *("C1 a census lets calls go", "C1 a census lets calls go after a loss", "T4 lots are wished for"),
        *("K1 a look waits for what may land late", "T6 a restored inventory recovers"),
    }
)
"""The same in the few lives of two shops."""
