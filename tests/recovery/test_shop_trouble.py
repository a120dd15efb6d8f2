"""A shop that is down, refuses a price or a key: what waits is sent once, and nobody else waits for it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial

import psycopg
import pytest

from devstack.testing import Stack
from product.lots import eur
from product.pace import LONG
from product.seller import NewSeller, Seller, listing_of, new_keys, sync_of
from product.waiting import until
from recovery.keeper import Keeper, keepers_with, some_at_once

SYNC = "sync-bricklink"
LOTS = 50
EDITS = 1000 if LONG else 200

_AN_HOUR_PASSES = """
    UPDATE connections SET halted_at = halted_at - interval '1 hour', not_before = not_before - interval '1 hour',
        due_at = due_at - interval '1 hour' WHERE seller_id = %s
"""


@pytest.fixture(scope="module")
async def stack(stack: Stack) -> AsyncIterator[Stack]:
    """Meanwhile a call may take as long as a busy machine needs: no other write than those meant is to be in doubt."""
    patient = {
        "SYNC_BRICKLINK_CALL_DEADLINE": "15",
        "SYNC_BRICKLINK_LIST_DEADLINE": "15",
        "SYNC_BRICKLINK_LEASE": "20",
    }
    before = {name: stack.running[SYNC].program.environment[name] for name in patient}
    await asyncio.to_thread(stack.restart, SYNC, patient)
    yield stack
    await asyncio.to_thread(stack.restart, SYNC, before)


@pytest.mark.timeout(300)
async def test_edits_of_fifty_lots_while_the_shop_is_down_cost_fifty_writes(stack: Stack) -> None:
    """And reads for the one that was in flight when it went down."""
    async with keepers_with(stack, sellers=1, lots=LOTS) as (keeper,):
        lost = await keeper.shop.set_fault("drop", when="after", method="PUT")
        await keeper.adjust(keeper.lots[0], -1)
        await keeper.shop.wait_for_fault(lost)
        await keeper.shop.set_fault("html_503", count=None)
        await some_at_once(partial(_edit, keeper, number) for number in range(EDITS - 1))
        await keeper.seller.connection("waiting")
        away = await keeper.last_request()
        await keeper.shop.clear_faults()
        await keeper.settled()
        assert await keeper.faults() == []
        requests = await keeper.shop.requests(after=away)
        written = [request["path"] for request in requests if request["method"] != "GET" and not request["fault"]]
        assert len(written) == len(set(written)) == LOTS, written
        looked = Counter(request["path"] for request in requests if request["method"] == "GET")
        in_flight = {write["path"] for write in await keeper.seller.writes() if write["fault"]}
        assert looked.keys() - {"/orders"} == in_flight
        # Once, again after its probation (rule K5), and anew where two order reads disagree (rule K1).
        assert all(looked[path] <= 4 for path in in_flight), looked


async def _edit(keeper: Keeper, number: int) -> None:
    """Of each lot's edits some are prices; the quantity goes up and down, and ends where it never was."""
    round_, place = divmod(number, LOTS)
    if round_ in (5, 12):
        await keeper.reprice(keeper.lots[place], f"0.{round_:02}{place:02}")
    else:
        await keeper.adjust(keeper.lots[place], (7, -3, 5, -11)[round_ % 4])


async def test_a_refused_price_delays_no_decrease(new_seller: NewSeller) -> None:
    """Rule F1: the decrease of the same change is the very next write, those after it are not tried with the price."""
    seller = await new_seller()
    await seller.connect()
    lot = await seller.listed((await seller.create())["lot_id"])
    listing_id = listing_of(lot)
    refusal = {"code": 400, "message": "PARAMETER_MISSING_OR_INVALID", "description": "Parameter [unit_price] is wrong"}
    await seller.shop.set_fault("error", method="PUT", body_has=["unit_price"], count=None, **refusal)
    both = {"quantity": 7, "unit_price": eur("99")}
    await seller.patch(lot["lot_id"], both, headers={"If-Match": '"1"'})
    told = await until(
        lambda: seller.lot(lot["lot_id"]), lambda lot: sync_of(lot)["groups"]["price"]["state"] == "failed"
    )
    assert sync_of(told)["groups"]["quantity"]["state"] == "synced"
    await seller.adjust(lot["lot_id"], by=-2)
    await until(seller.shop.lots, lambda listings: listings[listing_id]["quantity"] == 5)
    writes = [(write["body"].get("quantity"), "unit_price" in write["body"]) for write in (await seller.writes())[1:]]
    assert writes == [("-3", True), ("-3", False), (None, True), ("-2", False)]
    await seller.shop.clear_faults()
    await seller.patch(lot["lot_id"], {"unit_price": eur("0.5")})
    await seller.synced(lot["lot_id"])
    assert (await seller.shop.lots())[listing_id]["unit_price"] == "0.5000"


async def test_a_wrong_key_halts_one_connection_which_resumes_by_itself(stack: Stack, new_seller: NewSeller) -> None:
    """Rule O2: tried once an hour, it goes on when the key works again; nobody stores anything."""
    wrong, other = await new_seller(), await new_seller()
    for seller in (wrong, other):
        await seller.connect()
    lots = {seller: await seller.listed((await seller.create())["lot_id"]) for seller in (wrong, other)}
    revoked = wrong.keys | {"token": new_keys()["token"]}
    await wrong.shop.put(keys=revoked, seller_name=wrong.shop_name, currency=wrong.currency)
    assert (await wrong.connection("halted"))["reason"] == "WRONG_KEY"
    halted = (await wrong.shop.requests())[-1]["number"]
    await wrong.adjust(lots[wrong]["lot_id"], by=-4)
    await other.adjust(lots[other]["lot_id"], by=-4)
    await other.with_quantity(lots[other]["lot_id"], 6)
    await other.polled(2)
    assert await wrong.shop.requests(after=halted) == []

    await _an_hour_passes(stack, wrong)
    (tried,) = await wrong.shop.wait_for_requests(1, after=halted)
    assert (tried["method"], tried["path"], tried["auth"]) == ("GET", "/orders", "TOKEN_REJECTED")
    await other.polled(2)
    assert (await wrong.connection())["state"] == "halted"
    assert await wrong.shop.requests(after=tried["number"]) == []

    await wrong.shop.put(keys=wrong.keys, seller_name=wrong.shop_name, currency=wrong.currency)
    await _an_hour_passes(stack, wrong)
    await wrong.connection("ready")
    lot = await wrong.with_quantity(lots[wrong]["lot_id"], 6)
    assert (await wrong.listing(lot))["quantity"] == 6


async def _an_hour_passes(stack: Stack, seller: Seller) -> None:
    """For one halted connection: no clock of a process can be turned from outside, but what it waits for can."""
    async with await psycopg.AsyncConnection.connect(stack.database("sync-bricklink").owner) as session:
        assert (await session.execute(_AN_HOUR_PASSES, (seller.seller_id,))).rowcount == 1
