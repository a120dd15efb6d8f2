"""A tenth of all calls to both shops fails: what is sold in one is gone from the other within a minute all the same.

In virtual time, so nothing here hangs on the machine; `make measure-sales-under-faults` lives longer.
"""

from datetime import timedelta

import pytest

from simulation.failing_shop import Fault
from simulation.one_stock import OneStock
from simulation.sales_under_faults import lived, share_within
from syncengine.listing import ListingId
from syncengine.marketplace import Update, Write


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault.REPLY_LOST, marks=pytest.mark.long),
        pytest.param(Fault.REPLY_NEVER_COMES, marks=pytest.mark.long),
        Fault.ERROR_BEFORE,
    ],
)
def test_of_a_hundred_sales_99_are_gone_from_the_other_shop_within_a_minute(fault: Fault) -> None:
    stock = lived(fault, sales=100, hours=1, seed=1)
    assert list(stock.wrong()) == []
    sales = [sale for shop in stock.shops for sale in shop.sales]
    assert sum(sale.struck > 0 for sale in sales) >= len(sales) / 25, "it is not the faults that spared them"
    assert share_within(sales) >= 0.99, sorted(sale.waited for sale in sales)[-3:]


@pytest.mark.timeout(300)
def test_a_sick_lot_delays_no_other_and_eats_no_quota() -> None:
    """Each call for one lot fails, reads and writes: it is tried ever less often, and others never wait for it."""
    stock = OneStock(seed=2, lots=20)
    shop, sold_in = stock.bricklink, stock.brickowl
    sick = shop.store.tables.listings[min(shop.store.tables.listings)]

    def strike(called: Write | ListingId | None) -> Fault | None:
        its = called.listing_id if isinstance(called, Update) else called
        return Fault.ERROR_BEFORE if its == sick.listing_id else None

    shop.next_fault = strike
    sold_in.inventory.change(sick.lot_id, -1)
    shop.inventory.change(sick.lot_id, -1)
    shop.tell()
    calls = shop.calls.copy()
    for _ in range(20):
        sold_in.sell(stock.random)
        stock.agenda.pass_time(timedelta(minutes=12))
    others = [sale for sale in sold_in.sales if sale.lot_id != sick.lot_id]
    assert max(sale.waited for sale in others) <= timedelta(seconds=10)
    assert (shop.calls - calls).total() <= 600, "four hours' share of 5,000 a day is 833"
