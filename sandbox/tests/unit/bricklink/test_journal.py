"""What is written is what is read back."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.bricklink.journal import Journal, Settings
from sandbox.bricklink.oauth import Keys, Use
from sandbox.bricklink.shop import Shop
from sandbox.bricklink.switches import Switches
from sandbox.hosting.journal import StateInUse
from sandbox.hosting.request_log import REQUESTS_KEPT, LoggedRequest
from sandbox.model.orders import Wanted

from .conftest import MakeShop
from .samples import NOW, lot_body, tiers

SETTINGS = Settings(
    keys=Keys(consumer_key="ck", consumer_secret="cs", token="t", token_secret="ts"),
    seller_name="demo_seller",
    currency="EUR",
    switches=Switches(below_zero="clamp", token_ip="10.0.0.1"),
)


def keep(journal: Journal, shop: Shop) -> None:
    """Write what changed in the shop."""
    with journal.transaction():
        journal.save_changes("demo", shop.take_changes(), shop)


def test_a_shop_comes_back_as_it_was(tmp_path: Path, make_shop: MakeShop) -> None:
    shop = make_shop(order_lag_seconds=60)
    request = LoggedRequest(
        number=1,
        time=NOW,
        method="PUT",
        path="/inventories/1",
        query="",
        body={"quantity": "-1"},
        applied=True,
        lots=[{"inventory_id": 1, "quantity_before": None, "quantity_after": 2}],
    )
    with closing(Journal(tmp_path)) as journal:
        with journal.transaction():
            journal.save_shop("demo", 4, SETTINGS, shop)
            journal.save_request("demo", request)
            journal.save_calls("demo", "day", 60, 3)
            journal.save_use("demo", Use(1_700_000_000, "nonce"))
        kept = shop.create_lot(lot_body(**tiers(50, "0.11", 0, "0", 0, "0"), sale_rate=5), NOW).lot_id
        sold = shop.create_lot(lot_body(is_stock_room=False), NOW).lot_id
        keep(journal, shop)
        order_id = shop.place_order([Wanted(sold, 40)], NOW).order_id
        shop.add_to_order(order_id, [Wanted(kept, 1)], NOW + timedelta(seconds=30))
        shop.read_notifications()
        shop.file_order(order_id, filed=True)
        keep(journal, shop)
        shop.set_order_status(order_id, "PAID", NOW)
        keep(journal, shop)
    with closing(Journal(tmp_path)) as journal:
        (stored,) = journal.load()
        uses = journal.load_uses("demo")
    assert (stored.name, stored.place, stored.settings) == ("demo", 4, SETTINGS)
    assert (stored.lots, stored.orders, stored.notifications) == (shop.lots, shop.orders, shop.notifications)
    assert stored.orders[order_id].earlier is not None
    assert (stored.next_lot_id, stored.next_order_id) == (shop.next_lot_id, shop.next_order_id)
    assert stored.next_notification_id == shop.next_notification_id
    assert (stored.requests, stored.calls, uses) == ([request], {"day": {60: 3}}, [Use(1_700_000_000, "nonce")])


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path, make_shop: MakeShop) -> None:
    with closing(Journal(tmp_path)) as journal:
        with journal.transaction():
            journal.save_shop("demo", 0, SETTINGS, make_shop())

        def write_and_fail() -> None:
            with journal.transaction():
                journal.save_calls("demo", "day", 60, 1)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write_and_fail()
        assert journal.load()[0].calls == {}


def test_a_removed_shop_leaves_nothing_behind(tmp_path: Path, make_shop: MakeShop) -> None:
    shop = make_shop()
    with closing(Journal(tmp_path)) as journal:
        with journal.transaction():
            journal.save_shop("demo", 0, SETTINGS, shop)
            journal.save_use("demo", Use(1, "n"))
        shop.create_lot(lot_body(), NOW)
        keep(journal, shop)
        with journal.transaction():
            journal.remove_shop("demo")
            journal.save_shop("demo", 0, SETTINGS, make_shop())
        (stored,) = journal.load()
        uses = journal.load_uses("demo")
    assert (stored.lots, uses) == ({}, [])


def test_what_no_rule_looks_at_is_pruned(make_shop: MakeShop) -> None:
    now = int(NOW.timestamp())
    with closing(Journal(None)) as journal:
        with journal.transaction():
            journal.save_shop("demo", 0, SETTINGS, make_shop())
            for age in (0, 3 * 86_400):
                journal.save_use("demo", Use(now - age, "n"))
                journal.save_calls("demo", "day", now - age, 1)
            for number in (1, 2, REQUESTS_KEPT + 1):
                logged = LoggedRequest(number=number, time=NOW, method="GET", path="/", query="")
                journal.save_request("demo", logged)
        with journal.transaction():
            journal.prune("demo", NOW)
        (stored,) = journal.load()
        uses = journal.load_uses("demo")
    assert (uses, stored.calls) == ([Use(now, "n")], {"day": {now: 1}})
    assert [request.number for request in stored.requests] == [2, REQUESTS_KEPT + 1]


def test_a_state_folder_has_one_user(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)), pytest.raises(StateInUse, match="cannot be opened"):
        Journal(tmp_path)
