"""A quota of a hundred calls a day and 500 changes waiting: what goes is what matters, and looking goes on (B1, B2)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from devstack.testing import Stack
from product.lots import Json, a_listing, a_part, eur
from product.seller import BRICKLINK, NewSeller, Seller
from product.waiting import until
from recovery.keeper import some_at_once

SYNC = "sync-bricklink"
CALLS = 100
FOR_WRITES, FOR_LOOKS = 80, 10
"""So many may be writes, but none of the last ten: order reads leave those to looks."""
CREATES = 8
LOTS = 500 - CREATES

CHANGES: dict[str, Callable[[Seller, str], Awaitable[Json]]] = {
    "decrease": lambda seller, lot_id: seller.adjust(lot_id, by=-4),
    "hiding": lambda seller, lot_id: seller.patch(lot_id, {"stockroom": "A"}),
    "removal": lambda seller, lot_id: seller.adjust(lot_id, by=-10),
    "increase": lambda seller, lot_id: seller.adjust(lot_id, by=4),
    "price": lambda seller, lot_id: seller.patch(lot_id, {"unit_price": eur("0.3")}),
    "text": lambda seller, lot_id: seller.patch(lot_id, {"description": "clean"}),
    "rest": lambda seller, lot_id: seller.patch(lot_id, {"cost": eur("0.01")}),
}
FIRST = {"decrease": 6, "hiding": 3, "removal": 3, "increase": 8, "price": 8, "text": 8}
"""How many of each; all others are of the last tier."""
TIERS = {"decrease": 1, "hiding": 1, "removal": 2, "create": 2, "increase": 3, "price": 4, "text": 5, "rest": 6}


@pytest.fixture
async def stack(stack: Stack) -> AsyncIterator[Stack]:
    """Meanwhile the service is told that a shop allows a hundred calls a day, and reads orders less often.

    What is unknown is looked at so late (K1) that no write may go any more by then.
    """
    small = {
        "SYNC_BRICKLINK_CALLS_PER_DAY": str(CALLS),
        "SYNC_BRICKLINK_ORDER_POLL_INTERVAL": "8",
        "SYNC_BRICKLINK_LATE_WINDOW": "30",
    }
    before = {name: stack.running[SYNC].program.environment[name] for name in small}
    await asyncio.to_thread(stack.restart, SYNC, small)
    yield stack
    await asyncio.to_thread(stack.restart, SYNC, before)


@pytest.fixture
async def seller(stack: Stack, new_seller: NewSeller) -> Seller:
    """Their shop counts calls too, and refuses those above the limit."""
    return await new_seller(daily_limit=CALLS)


@pytest.mark.timeout(400)
async def test_what_matters_goes_first_and_looks_still_happen(seller: Seller) -> None:
    """All changes wait until the seller confirms the plan, so that no tier has a start."""
    kind_of = await _matched(seller)
    changes = [partial(CHANGES[kind], seller, lot_id) for lot_id, kind in kind_of.values()]
    await some_at_once([*changes, *(partial(seller.create, a_part(str(8000 + number))) for number in range(CREATES))])
    await until(seller.connection, lambda found: found["sync"]["waiting_lots"] == LOTS + CREATES)
    lost = await seller.shop.set_fault("drop", when="after", method="PUT", nth=50)
    await seller.told("POST", f"{BRICKLINK}/confirm")
    await seller.shop.wait_for_fault(lost)
    spent = await until(seller.connection, lambda found: found["reason"] == "QUOTA", timeout=90)
    assert (spent["state"], spent["sync"]["budget"]["calls_limit"]) == ("waiting", CALLS)
    writes = await seller.writes()
    kinds = [kind_of.get(write["lots"][0]["inventory_id"], ("", "create"))[1] for write in writes]
    tiers = [TIERS[kind] for kind in kinds]
    assert tiers == sorted(tiers), kinds
    assert Counter(kinds) == Counter(FIRST | {"create": CREATES, "rest": tiers.count(6)})
    requests = await seller.shop.requests()
    assert len(writes) == FOR_WRITES or (len(writes) < FOR_WRITES and len(requests) >= CALLS - FOR_LOOKS)
    assert requests.index(writes[-1]) < CALLS - FOR_LOOKS

    # The change whose reply was lost is looked at, with calls that no write may have.
    [unanswered] = [write for write in writes if write["fault"]]
    lot_id, _ = kind_of[unanswered["lots"][0]["inventory_id"]]
    await until(lambda: seller.lot(lot_id), lambda lot: lot["sync"]["bricklink"]["state"] == "synced", timeout=90)
    requests = await seller.shop.requests()
    look = next(each for each in reversed(requests) if each["path"] == unanswered["path"] and each["method"] == "GET")
    assert requests.index(look) > requests.index(writes[-1])
    assert await seller.writes() == writes
    assert len(requests) <= CALLS
    assert {request["code"] for request in requests if not request["fault"]} <= {200, 201, 204}


async def _matched(seller: Seller) -> dict[int, tuple[str, str]]:
    """Connect a shop whose listings equal the seller's lots; by listing: the lot, and the kind of change to make."""
    kinds = [kind for kind, count in FIRST.items() for _ in range(count)]
    kinds += ["rest"] * (LOTS - len(kinds))
    kind_of: dict[int, tuple[str, str]] = {}

    async def put_up(number: int, kind: str) -> None:
        lot = await seller.create(a_part(str(3000 + number)))
        listing = await seller.shop.add_lot(**a_listing(lot))
        kind_of[listing["inventory_id"]] = lot["lot_id"], kind

    await some_at_once([partial(put_up, number, kind) for number, kind in enumerate(kinds)])
    connection = await seller.connect(empty=False, state="awaiting_confirmation")
    assert connection["sync"]["match"]["linked"] == LOTS
    return kind_of
