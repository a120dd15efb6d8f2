"""A Brick Owl shop that is written is the shop that is read back."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sandbox.brickowl.journal import Journal, Settings
from sandbox.brickowl.keys import Keys
from sandbox.brickowl.switches import Switches
from sandbox.model.orders import Wanted

from .conftest import MakeShop
from .samples import NOW, with_lots


def test_a_shop_comes_back_as_it_was(tmp_path: Path, make_shop: MakeShop) -> None:
    switches = Switches(below_zero="clamp", retired_boids=("771344-81",), missing_rights=("catalog",))
    settings = Settings(keys=Keys(key="k"), seller_name="demo_owl", currency="EUR", switches=switches)
    shop = make_shop(order_lag_seconds=60)
    with closing(Journal(tmp_path)) as journal:
        with journal.transaction():
            journal.save_shop("demo", 0, settings, shop)
            journal.save_calls("demo", "batches", 60, 2)
        a, b = *with_lots(shop, 10, tier_price="50:0.7", my_cost="0.1"), *with_lots(shop, 5, for_sale="1")
        first = shop.place_order([Wanted(a, 1), Wanted(b, 5)], NOW).order_id
        second = shop.place_order([Wanted(a, 1)], NOW).order_id
        shop.merge_orders(second, first, NOW + timedelta(seconds=30))
        shop.refund(first, b, 2, NOW + timedelta(seconds=31), restock=False)
        shop.delete_lot(b)
        with journal.transaction():
            journal.save_changes("demo", shop.take_changes(), shop)
    with closing(Journal(tmp_path)) as journal:
        (stored,) = journal.load()
    assert (stored.settings, stored.lots, stored.orders) == (settings, shop.lots, shop.orders)
    assert stored.orders[first].earlier is not None
    assert (stored.next_lot_id, stored.next_order_id) == (shop.next_lot_id, shop.next_order_id)
    assert stored.calls == {"batches": {60: 2}}
