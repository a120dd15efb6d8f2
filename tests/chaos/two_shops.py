"""The judge of a day over both shops: compares what was done with REST, both stocks and both request logs. Pure.

As for one shop, an applied write must bring a listing, sales there apart, from what was wanted of it at one revision to
what was wanted at a later one: what is done twice lands where the lot never was.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import accumulate
from statistics import median, quantiles

from chaos.judge import Steps
from chaos.load import PATIENCE
from chaos.matrix import rows
from chaos.rough_day import Day, Sale, pieces_in, price_of, remarks_of, waits_for_a_person
from product.lots import Json
from product.waiting import until


@dataclass(frozen=True, kw_only=True)
class Shop:
    """What one sandbox says at rest."""

    word: str
    """What its API calls a lot's id."""
    lots: Mapping[int, Json]
    writes: Sequence[Json]
    """Applied requests, in their order."""
    requests: Sequence[Json]
    faults: Mapping[str, str]
    """What each fault does, by its id."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What all sides say at rest."""

    left: Mapping[str, int]
    sales: Sequence[Sale]
    lots: Sequence[Json]
    """Of REST, as all that follows but the shops."""
    changes: Sequence[Json]
    oversold: frozenset[str]
    """Ids of lots of which more was sold than there was."""
    shops: Mapping[str, Shop]


async def evidence_of(day: Day) -> Evidence:
    """Ask all sides, after both shops' orders were read once more: what should not come has had its time."""
    for shop in day.shops.values():
        last = max((request["number"] for request in await shop.requests()), default=0)
        read = {"after": last, "method": "GET", "path": "/orders?(/list)?"}
        await until(partial(shop.requests, **read), bool, timeout=PATIENCE)
    oversells = await day.seller.every("/v1/oversells")
    shops = {}
    for name, control in day.shops.items():
        requests = await control.requests()
        shops[name] = Shop(
            word=control.lot_word,
            lots=await control.lots(),
            writes=[request for request in requests if request["applied"]],
            requests=requests,
            faults=day.faults[name],
        )
    lots, changes = await asyncio.gather(day.seller.lots(), day.seller.changes())
    return Evidence(
        left=day.left(),
        sales=tuple(day.sales),
        lots=lots,
        changes=changes,
        oversold=frozenset(oversell["lot_id"] for oversell in oversells),
        shops=shops,
    )


def faults_in(evidence: Evidence) -> list[str]:
    """Name all that is not as it must be; empty if everything adds up to the piece."""
    return [*_strangers(evidence), *(fault for lot in evidence.lots for fault in _faults_of(lot, evidence))]


def _strangers(evidence: Evidence) -> Iterator[str]:
    known = sorted(lot["remarks"] for lot in evidence.lots)
    if known != sorted(evidence.left):
        yield f"the lots are not those that were made: {known}"
    for name, shop in evidence.shops.items():
        for remarks, count in Counter(map(remarks_of, shop.lots.values())).items():
            if count > 1 or remarks not in evidence.left:
                yield f"{name} has {count} listings of {remarks!r}"


def _faults_of(lot: Json, evidence: Evidence) -> Iterator[str]:
    changes = [change for change in reversed(evidence.changes) if change["lot_id"] == lot["lot_id"]]
    left = evidence.left[lot["remarks"]]
    for fault in (
        *_in_numbers(lot, left, evidence),
        *_in_prices(lot, evidence),
        *_in_sales(lot, changes, evidence),
        *(fault for name in evidence.shops for fault in _in_writes(lot, changes, name, evidence)),
    ):
        yield f"{lot['remarks']}: {fault}"


def _in_numbers(lot: Json, left: int, evidence: Evidence) -> Iterator[str]:
    if lot["quantity"] != left:
        yield f"REST says {lot['quantity']} pieces, {left} are left"
    if left < 0 and lot["lot_id"] not in evidence.oversold:
        yield f"{-left} pieces more were sold than there were, and no oversell says so"
    for name, shop in evidence.shops.items():
        shown = sum(pieces_in(there) for there in shop.lots.values() if remarks_of(there) == lot["remarks"])
        if shown != max(0, left):
            yield f"{name} has {shown}, {left} are left"


def _in_prices(lot: Json, evidence: Evidence) -> Iterator[str]:
    price = Decimal(lot["unit_price"]["amount"])
    for name, shop in evidence.shops.items():
        for there in shop.lots.values():
            if remarks_of(there) == lot["remarks"] and price_of(there) != price:
                yield f"{name} has it for {price_of(there)}, the lot costs {price}"


def _in_sales(lot: Json, changes: Sequence[Json], evidence: Evidence) -> Iterator[str]:
    counted: Counter[tuple[str, str]] = Counter()
    for change in changes:
        if change["source"] == "order":
            counted[change["order"]["marketplace"], change["order"]["order_id"]] -= change["quantity_delta"]
    sold: Counter[tuple[str, str]] = Counter()
    for sale in evidence.sales:
        if sale.remarks == lot["remarks"]:
            sold[sale.marketplace, sale.order_id] += sale.pieces
    if counted != sold:
        yield f"the change log has counted {dict(counted)} of the orders {dict(sold)}"


def _in_writes(lot: Json, changes: Sequence[Json], name: str, evidence: Evidence) -> Iterator[str]:
    """At most one applied write for each quantity that was wanted; where more was sold than there was, see above."""
    if any(quantity < 0 for quantity in accumulate(change["quantity_delta"] for change in changes)):
        return
    ours = [change for change in changes if not (change["order"] and change["order"]["marketplace"] == name)]
    wanted = list(accumulate(change["quantity_delta"] for change in ours))
    steps, pieces = Steps(wanted), 0
    for request, moved in _moves(lot, name, evidence):
        pieces += moved
        if moved and not steps.reach(pieces):
            said = f"request {request['number']} moved it by {moved} to {pieces}, sales apart"
            yield f"{name}: {said}; wanted were {wanted}"


def _moves(lot: Json, name: str, evidence: Evidence) -> Iterator[tuple[Json, int]]:
    """Applied writes of a lot's listings in one shop, each with the pieces that it put in."""
    shop = evidence.shops[name]
    own = set(map(int, _listing_ids(lot, name, evidence)))
    for request in shop.writes:
        for effect in request["lots"]:
            if effect[shop.word] in own:
                yield request, (effect["quantity_after"] or 0) - (effect["quantity_before"] or 0)


def _listing_ids(lot: Json, name: str, evidence: Evidence) -> set[str]:
    """Every listing that the lot has, had, or sold from in this shop."""
    told = {lot["sync"][name]["listing_id"]} | {
        change["order"]["listing_id"]
        for change in evidence.changes
        if change["lot_id"] == lot["lot_id"] and change["order"] and change["order"]["marketplace"] == name
    }
    return {listing_id for listing_id in told if listing_id}


def weighed(evidence: Evidence) -> Counter[str]:
    """Count lots and pieces that are not as they must be."""
    found = Counter({"lots": len(evidence.lots)})
    for lot in evidence.lots:
        left = evidence.left[lot["remarks"]]
        found["lots whose count is wrong"] += lot["quantity"] != left
        found["lots that wait for a person"] += waits_for_a_person(lot)
        for name, shop in evidence.shops.items():
            shown = [pieces_in(there) for there in shop.lots.values() if remarks_of(there) == lot["remarks"]]
            found[f"{name}: pieces too many"] += max(0, sum(shown) - max(0, left))
            found[f"{name}: pieces missing"] += max(0, max(0, left) - sum(shown))
            found[f"{name}: lots listed twice"] += len(shown) > 1
    return found


# What is measured -----------------------------------------------------------------------------------------------------


def told(evidence: Evidence) -> str:
    """Say what the day came to: operations by what hit them, what is wrong, how soon sales were gone."""
    lines = [line for name, shop in evidence.shops.items() for line in rows(name, shop.requests, shop.faults)]
    lines += [f"{count} {what}" for what, count in weighed(evidence).items()]
    seconds = seconds_to_the_other_shop(evidence)
    within = sum(each <= 60 for each in seconds) / len(seconds)
    lines.append(f"{sum(faulted(evidence).values())} calls were hit")
    lines.append(
        f"{len(seconds)} sales were gone from the other shop after {median(seconds):.1f} s in the median,"
        f" {quantiles(seconds, n=20)[-1]:.1f} s at p95; {within:.1%} within 60 s"
    )
    return "\n".join(lines)


def seconds_to_the_other_shop(evidence: Evidence) -> list[float]:
    """How long each sale of a lot that nobody edited took to be gone from the other shop, in order."""
    seconds: list[float] = []
    for lot in evidence.lots:
        changes = [change for change in evidence.changes if change["lot_id"] == lot["lot_id"]]
        if evidence.left[lot["remarks"]] < 0 or any(change["type"] == "adjusted" for change in changes):
            continue
        for name in evidence.shops:
            seconds += _seconds_to(name, lot, evidence)
    return sorted(seconds)


def _seconds_to(name: str, lot: Json, evidence: Evidence) -> Iterator[float]:
    gone = []
    taken = 0
    for request, moved in _moves(lot, name, evidence):
        if moved < 0:
            taken -= moved
            gone.append((datetime.fromisoformat(request["time"]).timestamp(), taken))
    sold = 0
    for sale in evidence.sales:
        if sale.remarks == lot["remarks"] and sale.marketplace != name:
            sold += sale.pieces
            found = next((at for at, taken in gone if taken >= sold), None)
            if found is not None:  # else it sold out in both: a removal takes nothing
                yield found - sale.at


def faulted(evidence: Evidence) -> Mapping[tuple[str, str, str], int]:
    """How many calls each fault hit: by marketplace, fault and what was called."""
    hits: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for name, shop in evidence.shops.items():
        for request in shop.requests:
            if request["fault"]:
                operation = request["path"].rstrip("0123456789")
                hits[name, shop.faults[request["fault"]], f"{request['method']} {operation}"] += 1
    return hits
