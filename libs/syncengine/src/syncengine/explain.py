"""What a read says about a lot whose last write is unknown, or whose number does not fit: pure (rules K1-K5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from syncengine.listing import Listing
from syncengine.marketplace import Create, Remove, Update
from syncengine.rows.intent import Fate, Intent
from syncengine.rows.listing import ListingRow, Observation, Probation, Trouble
from syncengine.settings import Settings
from syncengine.settle import applied, closed, not_applied, unlisted, wants_look


class Finding(StrEnum):
    """What a number means."""

    FINE = "our books agree"
    APPLIED = "the write was done"
    APPLIED_BESIDE = "the write was done, where our books were off before it by what was doubted then"
    NOT_APPLIED = "the write was not done"
    NEITHER = "no order that we know explains it"


_Ways: TypeAlias = frozenset[tuple[Finding, int]]
"""What a number may mean, each with the pieces of open returns that the shop put back."""
_NEITHER: _Ways = frozenset({(Finding.NEITHER, 0)})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known now."""

    row: ListingRow
    intent: Intent | None
    """The one that left it unknown, if one did."""
    restocked: int = 0
    """Pieces of open returns that the shop put back, in the ledger already (rule S4)."""


def observation(
    intent: Intent | None, listing: Listing | None, read_at: datetime, at: datetime, *, ledger: int | None = None
) -> Observation:
    """Keep of a read what an explanation needs."""
    write = intent.write if intent is not None else None
    holds = isinstance(write, Update) and listing is not None and _holds(listing, write)
    contradicts = isinstance(write, Update) and listing is not None and not _holds_flags(listing, write)
    quantity = None if listing is None else listing.quantity
    return Observation(quantity=quantity, holds=holds, contradicts=contradicts, read_at=read_at, at=at, ledger=ledger)


def explain(
    row: ListingRow, intent: Intent | None, seen: Observation, settings: Settings, now: datetime, *, returned: int = 0
) -> Known | None:
    """Explain what was just seen, if orders known so far can; None: keep it, and wait for late orders.

    An increase is never taken for "not done" here: it may be in, and its pieces sold by an order not yet listed (K2).
    `returned`: pieces of this listing in open returns.
    """
    finding, restocked = _find_with_returns(
        _without_shortfall(row), intent, seen, ledger=row.ledger or 0, returned=returned
    )
    if finding in (Finding.NEITHER, Finding.APPLIED_BESIDE) or (
        finding is Finding.NOT_APPLIED and _is_increase(intent)
    ):
        return None
    if finding is Finding.APPLIED and row.ledger and (seen.quantity is None or _is_removal(intent)):
        return None  # or its pieces were sold by an order not yet listed: then none of them is there to list again (K4)
    done = _delta(intent) if finding is Finding.APPLIED else 0
    if restocked and row.doubt > 1:
        return None  # or some of what may be in our books twice is, and the rest is not (Q1)
    if restocked and (row.ledger or 0) + done < 0:
        return None  # so it was emptied before, or was not, and an order not yet listed took what is missing (S4)
    if restocked and (seen.quantity or 0) <= _most(row, intent):
        return None  # without any put back, an order not yet listed may have taken what is missing of more (S4)
    fits = seen.quantity == (row.ledger or 0) + done + restocked
    # A sale not yet listed may make up for what was believed wrongly, or for pieces that are in twice.
    doubt, probation = (row.doubt, row.probation) if fits else (0, None)
    was_asked_for, may_have_had_more = row.look_since is not None, max(_doubts(row)) > 0
    late = now + settings.lag_window
    row, intent = _concluded(row, intent, finding, now, gone=seen.quantity is None)
    if may_have_had_more and not seen.quantity:  # an order not yet listed took it: nobody puts it in again (K4)
        row = replace(row, raise_after=late)
    if row.listing_id is None:
        return Known(row, intent, restocked)
    if seen.quantity is not None and row.ledger is not None:
        row = replace(row, ledger=seen.quantity)  # the look explained itself (rule Q1)
    if probation is not None and (was_asked_for or now < probation.due_at):
        # An order older than the last look, or another number then, contradicts the verdict; that this number fits it a
        # sale not yet listed may have made. What was on probation is right once nothing did for a lag window (rule K5).
        row = replace(row, probation=replace(probation, due_at=late) if was_asked_for else probation)
    if doubt:  # pieces that are in twice: a sale not yet listed may have made the number fit, and is not filled up (K4)
        row = replace(_doubted(row, _in_part(doubt), late), raise_after=late)
    if intent is not None and isinstance(intent.write, Update) and intent.write.delta:
        wrong_by = -intent.write.delta if finding is Finding.APPLIED else intent.write.delta
        row = _doubted(row, [wrong_by], late)  # rule K5
    return Known(row, intent, restocked)


def explain_in_hindsight(
    row: ListingRow, intent: Intent | None, *, sold_since: frozenset[int], now: datetime, last: bool, returned: int = 0
) -> Known | None:
    """Explain what was observed one lag window ago: every order before it is known by now.

    `sold_since`: how many pieces may be off the ledger by orders later than the observation. None: it can be explained
    in two ways, or not at all, because a sale fell into the second of it; another observation may tell, unless this is
    the `last`.
    What is still not explained is a conflict.
    """
    seen = row.observed
    if seen is None:
        raise ValueError("nothing was observed")
    ledgers = [(row.ledger or 0) + pieces for pieces in sold_since]
    row, ways = _ways(row, intent, seen, ledgers, returned=returned, now=now)
    if len(ways) > 1 and not last:
        return None  # one of them may be that nothing explains it: a sale made a number fit that hands changed
    simplest = _simplest(ways - _NEITHER)
    if len(simplest) == 1:
        [(finding, restocked)] = simplest
        moved = 0
        if finding in (Finding.APPLIED, Finding.APPLIED_BESIDE):
            finding, moved = Finding.APPLIED, _delta(intent)
        off_by = _off_by(row, [each + restocked + moved for each in ledgers], seen)
        row, intent = _concluded(row, intent, finding, now, gone=seen.quantity is None)
        if row.ledger is not None:
            row = replace(row, ledger=row.ledger + restocked + off_by)
        if row.listing_id is not None and (row.ledger or 0) < 0:
            row = wants_look(row, now)  # more was sold since than there was: what the shop put back may be (rule K3)
        return Known(row, intent, restocked)
    trouble = Trouble.GONE_UNEXPLAINED if seen.quantity is None else Trouble.NUMBER_UNEXPLAINED
    more = (seen.quantity or 0) - max(ledgers)
    row = replace(_calm(not_applied(row)), trouble=trouble, theirs=seen.quantity, unexplained=more)
    if seen.quantity is None:
        row = unlisted(row)
    if intent is not None:
        intent = closed(intent, Fate.UNKNOWN, now, "UNEXPLAINED")
    return Known(row, intent)


def _ways(
    row: ListingRow, intent: Intent | None, seen: Observation, ledgers: Sequence[int], *, returned: int, now: datetime
) -> tuple[ListingRow, _Ways]:
    """Find what a number means by each of these ledgers: of pieces that may be in twice perhaps only some are (Q1).

    They explain it before what the shop put back does, which sells pieces that are gone where it is believed wrongly.
    """
    ways = frozenset(_find_with_returns(row, intent, seen, ledger=ledger, returned=returned) for ledger in ledgers)
    if row.doubt > 1 and all(restocked for _, restocked in ways - _NEITHER):
        in_part = _doubted(row, _in_part(row.doubt), now)
        by_part = frozenset((_find(in_part, intent, seen, ledger=ledger), 0) for ledger in ledgers)
        return (in_part, by_part) if by_part != _NEITHER else (row, ways)
    return row, ways


def _simplest(ways: _Ways) -> _Ways:
    """Choose what supposes least: few pieces put back, and no verdict that was wrong beside the write."""
    fewest = min((restocked for _, restocked in ways), default=0)
    ways = frozenset(way for way in ways if way[1] == fewest)
    return ways - {(Finding.APPLIED_BESIDE, 0)} if len(ways) > 1 else ways


def _find_with_returns(
    row: ListingRow, intent: Intent | None, seen: Observation, *, ledger: int, returned: int
) -> tuple[Finding, int]:
    """Find what a number means, with as few pieces of open returns put back by the shop as explain it (rule S4).

    Few, because a return that stays open too long costs a question, and one closed wrongly sells pieces that are gone.
    They came before what else our books know, or after it: a decrease that found fewer pieces than it was to take left
    none, and what came then stands whole.
    """
    for restocked in range(returned + 1):
        finding = _find(row, intent, seen, ledger=ledger + restocked)
        if finding is Finding.NEITHER and restocked and seen.quantity is not None:
            finding = _find(row, intent, replace(seen, quantity=seen.quantity - restocked), ledger=ledger)
        if finding is not Finding.NEITHER and not (restocked and seen.quantity is None):
            return finding, restocked
        if finding is Finding.NOT_APPLIED:
            return finding, 0  # what was put back was sold again, and the listing is gone: nothing shows it any more
    return Finding.NEITHER, 0


def _find(row: ListingRow, intent: Intent | None, seen: Observation, *, ledger: int) -> Finding:
    write = intent.write if intent is not None else None
    shown = seen.quantity
    match write:
        case Create():
            raise TypeError("a create is explained by explain_create()")
        case Remove() if shown is None:
            return Finding.APPLIED
        case Remove():
            return Finding.NOT_APPLIED if shown in _plausible(row, ledger) else Finding.NEITHER
        case _ if row.trouble is Trouble.NUMBER_UNEXPLAINED and ledger < 0:
            return Finding.NEITHER  # what is asked about was sold, and nothing says yet where it came from (rule S6)
        case Update():
            return _find_update(row, write, seen, ledger=ledger)
    if shown is None:
        return Finding.FINE if ledger <= 0 else Finding.NEITHER
    return Finding.FINE if shown in _plausible(row, ledger) else Finding.NEITHER


def _find_update(row: ListingRow, write: Update, seen: Observation, *, ledger: int) -> Finding:
    shown = seen.quantity
    if shown is None:
        if ledger <= 0 and not ledger + max(_doubts(row)) < 0 < write.delta:  # as below
            return Finding.NOT_APPLIED
        return Finding.APPLIED if ledger + write.delta <= 0 else Finding.NEITHER
    if write.delta == 0:
        if shown not in _plausible(row, ledger):
            return Finding.NEITHER
        return Finding.APPLIED if seen.holds else Finding.NOT_APPLIED
    # Where its flags prove that it was not done, as many pieces may have been sold by an order not yet listed.
    if shown == max(0, ledger + write.delta) and not seen.contradicts:
        return Finding.APPLIED
    # Without an increase no more is sold than there was; but what was doubted may have been there too.
    if any(
        shown == max(0, there) and not there < 0 < write.delta for there in (ledger + each for each in _doubts(row))
    ):
        return Finding.NOT_APPLIED
    is_beside = shown in _plausible(row, ledger + write.delta) and not seen.contradicts
    return Finding.APPLIED_BESIDE if is_beside else Finding.NEITHER


def _plausible(row: ListingRow, ledger: int) -> frozenset[int]:
    """Numbers that our books allow: the ledger (0 if oversold), with what may be in it twice (Q1) or wrongly (K5)."""
    return frozenset(max(0, ledger + pieces) for pieces in _doubts(row))


def _doubts(row: ListingRow) -> set[int]:
    return {0, row.doubt, *(row.probation.deltas if row.probation is not None else ())}


def _most(row: ListingRow, intent: Intent | None) -> int:
    """How many pieces are there if the shop put none back, and no verdict was wrong."""
    return (row.ledger or 0) + max(0, _delta(intent))


def _doubted(row: ListingRow, deltas: Sequence[int], until: datetime) -> ListingRow:
    """Put on probation that our books may be off by one of these, beside what they may be off by already (rule K5)."""
    before, delta = _doubts(replace(row, doubt=0)), deltas[-1]
    off_by = before | {each + more for each in before for more in deltas}
    return replace(row, probation=Probation(delta=delta, due_at=until, earlier=frozenset(off_by - {0, delta})))


def _in_part(doubt: int) -> Sequence[int]:
    """Of several pieces that may be in our books twice some may be, and others not (rule Q1)."""
    return range(1, doubt + 1)


def _off_by(row: ListingRow, ledgers: Sequence[int], seen: Observation) -> int:
    """Say by how much the ledger is off, where what was doubted explains the number.

    Else what a decrease did not find was not taken, as far as more stands there now than it left.
    """
    fitting = [pieces for ledger in ledgers for pieces in _doubts(row) if max(0, ledger + pieces) == seen.quantity]
    not_taken = [seen.quantity - ledger for ledger in ledgers if seen.quantity is not None and ledger <= seen.quantity]
    return min(fitting or not_taken, key=abs, default=0)


def _without_shortfall(row: ListingRow) -> ListingRow:
    """Pieces that a wrong verdict let our books have too many look like pieces sold by an order not yet listed (K4)."""
    if row.probation is None:
        return row
    more = frozenset(each for each in row.probation.deltas if each > 0)
    return replace(row, probation=replace(row.probation, delta=max(more), earlier=more) if more else None)


def _concluded(
    row: ListingRow, intent: Intent | None, finding: Finding, now: datetime, *, gone: bool
) -> tuple[ListingRow, Intent | None]:
    if intent is not None:
        is_applied = finding is Finding.APPLIED
        row = applied(row, intent, now) if is_applied else not_applied(row)
        intent = closed(intent, Fate.APPLIED if is_applied else Fate.NOT_APPLIED, now)
    row = _calm(row)
    return (unlisted(row) if gone else row), intent  # by sales, or by our own hand: it may be listed again (rule Q4)


def _is_increase(intent: Intent | None) -> bool:
    return intent is not None and isinstance(intent.write, Update) and intent.write.delta > 0


def _delta(intent: Intent | None) -> int:
    return intent.write.delta if intent is not None and isinstance(intent.write, Update) else 0


def _is_removal(intent: Intent | None) -> bool:
    return intent is not None and isinstance(intent.write, Remove)


def _holds(listing: Listing, write: Update) -> bool:
    return _holds_flags(listing, write) and all(
        listing.fields.get(name) == value for name, value in write.fields.items()
    )


def _holds_flags(listing: Listing, write: Update) -> bool:
    return write.for_sale in (None, listing.for_sale) and write.retain in (None, listing.retain)


def _calm(row: ListingRow) -> ListingRow:
    return replace(row, look_since=None, trouble=None, theirs=None, doubt=0, observed=None, probation=None)
