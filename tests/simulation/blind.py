"""What care is worth: the same lives under a policy that sends an unanswered write again, and never looks first."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from typing import Any
from unittest.mock import patch

from simulation.replacements import orphans_not_done
from simulation.resending import until_answered
from simulation.seeds import make_life
from syncengine.marketplace import Outcome, Ticket, Write
from syncengine.testing.simulation.judges import Judges, Misjudged
from syncengine.testing.simulation.life import Life
from syncengine.testing.simulation.shop import FaultyShop

_write, _intended = FaultyShop._write, Judges.intended


async def _write_again(self: FaultyShop, writes: Sequence[Write], ticket: Ticket) -> Sequence[Outcome]:
    return await until_answered(lambda again: _write(self, writes, again), ticket)


def _intended_before(self: Judges, ticket: Ticket, write: Write) -> None:
    sent, first = self.stage.books.sent, ticket.stamp.replace(microsecond=0)
    if ticket.stamp == first:
        _intended(self, ticket, write)
    else:
        sent[ticket.stamp] = sent[first]


def _unjudged(judge: Callable[..., None]) -> Callable[..., None]:
    @wraps(judge)
    def look_away(*given: Any, **named: Any) -> None:
        try:
            judge(*given, **named)
        except Misjudged:
            return

    return look_away


@contextmanager
def _without_judgement(*, blind: bool) -> Iterator[None]:
    with ExitStack() as stack:
        if blind:
            stack.enter_context(patch.object(FaultyShop, "_write", _write_again))
            stack.enter_context(patch("syncengine.turn._find_orphans", orphans_not_done))
        for name in ("arrived", "landed", "judge_pace", "judge_count", "judge_saying", "judge_rest", "judge_quiet"):
            stack.enter_context(patch.object(Judges, name, _unjudged(getattr(Judges, name))))
        stack.enter_context(patch.object(Judges, "intended", _unjudged(_intended_before)))
        yield


def _weigh(life: Life) -> Counter[str]:
    """Compare the shop with the truth, lot by lot, where the script gave a person nothing to settle."""
    stage, found = life.stage, Counter[str]()
    for lot_id, stock in stage.inventory.lots.items():
        if stage.books.causes(lot_id) or stage.connection.census_alarm:
            continue
        wish, live = stage.books.current[lot_id], life.judges.live(lot_id)
        shown, true = sum(live.values()), wish.pieces(stage.books.sold(lot_id))
        row = stage.store.tables.listings.get(lot_id)
        found["lots"] += 1
        found["pieces too many in the shop"] += max(0, shown - true)
        is_wanted = not (wish.hidden or wish.is_unfit)  # at a price that the shop cannot take nothing is listed
        found["pieces missing in the shop"] += max(0, true - shown) if is_wanted else 0
        found["lots listed twice"] += len(live) > 1
        found["lots that wait for a person"] += row is not None and row.trouble is not None
        found["lots whose count is wrong"] += stock.quantity != wish.total - stage.books.sold(lot_id)
    return found


def weigh(seed: int, *, blind: bool) -> Counter[str]:
    """Live one seed without judgement, and weigh what is there at rest."""
    with _without_judgement(blind=blind):
        life = make_life(seed)
        life.live()
    return _weigh(life)


def weigh_all(seeds: Iterable[int], *, blind: bool) -> Counter[str]:
    """Do so for many."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(partial(weigh, blind=blind), seeds, chunksize=5), Counter())
