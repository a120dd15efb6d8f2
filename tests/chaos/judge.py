"""The judge: compares what sellers were told, REST, the shop's stock and orders, and its request log. Pure.

The request log does not know our revisions, yet it tells whether a write was applied twice: pieces sold apart, each
applied write must bring the shop from what the seller wanted at one revision to what they wanted at a later one. A
write done twice, or one that makes up for it, lands where the seller never was; so do not only look at the end.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from chaos.load import Command, Crowd, Trader, pieces_sold
from product.lots import Json
from product.seller import sync_of


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What both sides say of one seller, at rest."""

    commands: Sequence[Command]
    lots: Sequence[Json]
    """Of REST, as the changes."""
    changes: Sequence[Json]
    listings: Mapping[int, Json]
    """Of the sandbox's control API, as orders and requests."""
    orders: Mapping[int, Json]
    requests: Sequence[Json]


async def adds_up(crowd: Crowd) -> None:
    """Wait until all is at rest; AssertionError naming what is not as it must be then, if anything."""
    await crowd.settled()
    evidence = await asyncio.gather(*map(evidence_of, crowd.traders))
    faults = [fault for one in evidence for fault in faults_in(one)]
    assert not faults, faults


async def evidence_of(trader: Trader) -> Evidence:
    """Ask both sides, after the shop's orders were read once more: what should not come has had its time."""
    await trader.seller.polled(1)
    return Evidence(
        commands=tuple(trader.commands),
        lots=await trader.seller.lots(),
        changes=await trader.seller.changes(),
        listings=await trader.shop.lots(),
        orders=await trader.shop.orders(),
        requests=await trader.shop.requests(applied=True),
    )


def faults_in(evidence: Evidence) -> list[str]:
    """Name all that is not as it must be; empty if everything adds up to the piece."""
    evidence = replace(evidence, requests=_one_by_one(evidence.requests))
    return [*_strangers(evidence), *(fault for lot in evidence.lots for fault in _faults_of(lot, evidence))]


def _one_by_one(requests: Sequence[Json]) -> list[Json]:
    """Take a call that made several listings for as many calls: the shop makes them in the order of its body."""
    single: list[Json] = []
    for request in requests:
        if isinstance(request["body"], list):
            effects = sorted(request["lots"], key=lambda effect: effect["inventory_id"])
            pairs = zip(request["body"], effects, strict=False)
            single += [{**request, "body": body, "lots": [effect]} for body, effect in pairs]
        else:
            single.append(request)
    return single


def _strangers(evidence: Evidence) -> Iterator[str]:
    """Lots that nobody asked for, lots that are missing, and listings without a lot."""
    wanted = sorted(command.remarks for command in evidence.commands if command.type == "created")
    if sorted(lot["remarks"] for lot in evidence.lots) != wanted:
        yield f"the lots are not those that were asked for: {sorted(lot['remarks'] for lot in evidence.lots)}"
    for listing_id, listing in evidence.listings.items():
        if listing["remarks"] not in wanted:
            yield f"listing {listing_id} stands for no lot: {listing['remarks']!r}"


def _faults_of(lot: Json, evidence: Evidence) -> Iterator[str]:
    of = [change for change in reversed(evidence.changes) if change["lot_id"] == lot["lot_id"]]
    for fault in (
        *_in_change_log(lot, of, evidence),
        *_in_stock(lot, evidence),
        *_in_status(lot, evidence),
        *_in_writes(lot, of, evidence),
        *_in_lives(lot, evidence),
    ):
        yield f"{lot['remarks']}: {fault}"


def _in_change_log(lot: Json, changes: Sequence[Json], evidence: Evidence) -> Iterator[str]:
    """Every command once, every order line once, every revision once."""
    commands = sorted(
        (command.reason, command.type, command.delta)
        for command in evidence.commands
        if command.remarks == lot["remarks"]
    )
    logged = sorted(
        (change["reason"], change["type"], change["quantity_delta"]) for change in changes if change["source"] == "user"
    )
    if logged != commands:
        yield f"the change log has {logged} for the commands {commands}"
    counted: dict[str, int] = {}
    for change in changes:
        if change["source"] == "order":
            order_id = change["order"]["order_id"]
            counted[order_id] = counted.get(order_id, 0) - change["quantity_delta"]
    sold = _sold_by_order(lot, evidence)
    if counted != sold:
        yield f"the change log has counted {counted} of the orders {sold}"
    if [change["revision"] for change in changes] != list(range(1, lot["revision"] + 1)):
        yield f"revision {lot['revision']}, and the change log has {[change['revision'] for change in changes]}"
    if lot["sold"] != sum(sold.values()):
        yield f"{lot['sold']} pieces are said to be sold, and {sum(sold.values())} were"


def _in_stock(lot: Json, evidence: Evidence) -> Iterator[str]:
    """Start, differences and sales make the stock, here and in the shop, in one listing."""
    asked = sum(command.delta for command in evidence.commands if command.remarks == lot["remarks"])
    left = asked - sum(_sold_by_order(lot, evidence).values())
    if lot["quantity"] != left:
        yield f"REST says {lot['quantity']} pieces, {left} are left"
    listings = _listings_of(lot, evidence)
    shown = [listing["quantity"] for listing in listings.values()]
    if shown != ([left] if left > 0 else []):
        yield f"the shop has {shown}, {left} are left"
    for listing_id, listing in listings.items():
        if Decimal(listing["unit_price"]) != Decimal(lot["unit_price"]["amount"]):
            yield f"listing {listing_id} costs {listing['unit_price']}, the lot {lot['unit_price']['amount']}"


def _in_status(lot: Json, evidence: Evidence) -> Iterator[str]:
    """What is said to be in the shop is there."""
    told = sync_of(lot)
    if told["state"] != "synced" or {one["settled_revision"] for one in told["groups"].values()} != {lot["revision"]}:
        yield f"the status at revision {lot['revision']} is {told}"
    listing_ids = [str(listing_id) for listing_id in _listings_of(lot, evidence)]
    if [listing_id for listing_id in [told["listing_id"]] if listing_id] != listing_ids:
        yield f"the status names listing {told['listing_id']}, the shop has {listing_ids}"


def _in_writes(lot: Json, changes: Sequence[Json], evidence: Evidence) -> Iterator[str]:
    """At most one applied write per field group and revision, by the shop's own log."""
    by_user = [change for change in changes if change["source"] == "user"]
    wanted = list(accumulate(change["quantity_delta"] for change in by_user))
    prices = [change["after"]["unit_price"] for change in by_user if "unit_price" in change["after"]]
    quantities, priced = Steps(wanted), Steps([Decimal(price) for price in prices])
    pieces = 0
    for request in _writes_of(lot, evidence):
        (effect,) = request["lots"]
        moved = (effect["quantity_after"] or 0) - (effect["quantity_before"] or 0)
        pieces += moved
        if moved and not quantities.reach(pieces):
            yield f"request {request['number']} moved it by {moved} to {pieces}, sales apart; wanted were {wanted}"
        body = request["body"] or {}
        again = request["method"] == "POST"  # a new listing begins with the price that is wanted, old or new
        if "unit_price" in body and not priced.reach(Decimal(body["unit_price"]), again=again):
            yield f"request {request['number']} set the price to {body['unit_price']} again; wanted were {prices}"


class Steps:
    """Values that were wanted one after the other: each may be reached once, and none before it afterwards."""

    def __init__(self, wanted: Sequence[int] | Sequence[Decimal]) -> None:
        self._wanted = wanted
        self._at = {-1}  # equal values may be wanted twice: all places where we may be

    def reach(self, value: int | Decimal, *, again: bool = False) -> bool:
        """Go on to a value; False, and stay, if it lies not ahead. `again`: where we are will do as well."""
        after = min(self._at) - again
        ahead = {place for place, wanted in enumerate(self._wanted) if wanted == value and place > after}
        self._at = ahead or self._at
        return bool(ahead)


def _in_lives(lot: Json, evidence: Evidence) -> Iterator[str]:
    """A lot is listed anew only when the listing before is gone."""
    lives: dict[int, datetime] = {}
    removed: dict[int, datetime] = {}
    for request in _writes_of(lot, evidence):
        (effect,) = request["lots"]
        listing_id, at = effect["inventory_id"], datetime.fromisoformat(request["time"])
        if request["method"] == "DELETE":
            removed[listing_id] = at
        if request["method"] != "POST":
            continue
        for before in lives:
            ended = removed.get(before) or _last_sale(before, evidence)
            if before in evidence.listings or ended is None or ended > at:
                yield f"listing {listing_id} was made while {before} lived"
        lives[listing_id] = at


def _writes_of(lot: Json, evidence: Evidence) -> list[Json]:
    """Applied writes of a lot's listings, in their order."""
    made = {
        effect["inventory_id"]
        for request in evidence.requests
        if request["method"] == "POST" and request["body"]["remarks"] == lot["remarks"]
        for effect in request["lots"]
    }
    return [
        request for request in evidence.requests if any(effect["inventory_id"] in made for effect in request["lots"])
    ]


def _last_sale(listing_id: int, evidence: Evidence) -> datetime | None:
    dates = [
        datetime.fromisoformat(order["date_ordered"])
        for order in evidence.orders.values()
        for batch in order["batches"]
        for line in batch
        if line["inventory_id"] == listing_id
    ]
    return max(dates, default=None)


def _listings_of(lot: Json, evidence: Evidence) -> dict[int, Json]:
    return {
        listing_id: listing for listing_id, listing in evidence.listings.items() if listing["remarks"] == lot["remarks"]
    }


def _sold_by_order(lot: Json, evidence: Evidence) -> dict[str, int]:
    sold = pieces_sold(evidence.orders)
    return {order_id: pieces for (order_id, remarks), pieces in sold.items() if remarks == lot["remarks"]}
