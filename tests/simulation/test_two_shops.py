"""Two shops of one seller: what the judgement over both sees, and what many edits cost while neither can be reached."""

from datetime import timedelta

import pytest

from simulation.seeds import make_both
from syncengine.listing import LotId
from syncengine.testing.simulation.books import Cause
from syncengine.testing.simulation.judges import Misjudged
from syncengine.testing.simulation.network import Accident, Kind
from syncengine.testing.simulation.rest import come_to_rest, rest_until
from syncengine.testing.simulation.side import Side
from syncengine.testing.simulation.two_shops import TwoShops
from syncengine.testing.simulation.users import COLORS

_LOTS, _EDITS = 50, 1000


def connected(lots: int) -> TwoShops:
    """Two shops at rest that list so many lots of ten pieces."""
    both = make_both(0)
    users = both.sides[0].users
    for side in both.sides:
        side.connect()
    rest_until(both.sides, both.sides[0].stage.clock.now() + timedelta(seconds=30))
    for name in range(lots):
        users.add(10, COLORS[name % len(COLORS)], users.make_look(name), retain=False)
    come_to_rest(both.sides)
    return both


def shown(both: TwoShops) -> list[dict[LotId, int]]:
    """What each shop shows of each lot."""
    lots = both.sides[0].stage.inventory.lots
    return [{lot_id: sum(side.judges.live(lot_id).values()) for lot_id in lots} for side in both.sides]


def writes(side: Side) -> int:
    """How often anything was sent to a shop, lot by lot."""
    return sum(map(len, side.stage.books.sent.values()))


@pytest.mark.timeout(120)
def test_a_sale_in_one_shop_is_taken_from_the_other_and_what_is_amiss_is_judged() -> None:
    both = connected(2)
    first, second = both.sides
    lot_id, other_id = first.stage.inventory.lots
    (listing,) = [each for each in first.buyers.for_sale() if first.stage.books.owners[each.listing_id] == lot_id]
    first.buyers.order(listing, 4, timedelta(0))
    both.oversells.watch()
    come_to_rest(both.sides)
    both.stock.judge_rest()
    assert shown(both) == [{lot_id: 6, other_id: 10}] * 2

    (there,) = [each for each in second.buyers.for_sale() if second.stage.books.owners[each.listing_id] == lot_id]
    second.stage.shop.edit(there.listing_id, 7, {})
    with pytest.raises(Misjudged, match=r"judgement 10: lot-01: 6 are there, the shops show \[6, 7\]"):
        both.stock.judge_rest()
    second.buyers.order(second.stage.shop.listings()[there.listing_id], 7, timedelta(0))
    both.oversells.watch()
    assert second.stage.struck["sold what was not there: the shop's number had changed unseen"] == 1
    with pytest.raises(Misjudged, match="judgement 10: lot-01: inventory has 6, of 10 pieces 11 were sold"):
        both.stock.judge_rest()


@pytest.mark.timeout(120)
def test_what_a_shop_put_back_is_there_to_sell_before_it_counts_as_back() -> None:
    both = connected(1)
    side = both.sides[0]
    (listing,) = side.buyers.for_sale()
    lot_id = side.stage.books.owners[listing.listing_id]
    order_id = side.buyers.order(listing, 4, timedelta(0))
    come_to_rest(both.sides)
    assert both.stock.left(lot_id) == 6

    side.stage.shop.cancel(order_id, side.stage.clock.now(), restock=True)
    side.stage.books.take_back(order_id, listing.listing_id, 4, restock=True)
    assert both.stock.left(lot_id) == 10
    come_to_rest(both.sides)
    both.stock.judge_rest()
    assert both.stock.left(lot_id) == 10
    assert shown(both) == [{lot_id: 10}] * 2


@pytest.mark.timeout(120)
def test_what_hands_put_in_and_counts_as_back_is_there_for_the_other_shop_too() -> None:
    both = connected(1)
    first, second = both.sides
    (listing,) = first.buyers.for_sale()
    lot_id = first.stage.books.owners[listing.listing_id]
    order_id = first.buyers.order(listing, 4, timedelta(0))
    come_to_rest(both.sides)

    first.stage.shop.cancel(order_id, first.stage.clock.now(), restock=False)
    first.stage.books.take_back(order_id, listing.listing_id, 4, restock=False)
    first.stage.shop.edit(listing.listing_id, 10, {})
    first.stage.books.blame(lot_id, Cause.QUANTITY)
    first.stage.books.by_hand[lot_id] += 4
    assert both.stock.left(lot_id) == 6
    come_to_rest(both.sides)
    assert shown(both) == [{lot_id: 10}] * 2
    (there,) = second.buyers.for_sale()
    second.buyers.order(there, 10, timedelta(0))
    both.oversells.watch()
    assert both.stock.left(lot_id) == 0


@pytest.mark.timeout(120)
def test_a_thousand_edits_while_both_shops_are_down_cost_a_write_a_lot() -> None:
    """The last value wins in all of them."""
    both = connected(_LOTS)
    clock, users = both.sides[0].stage.clock, both.sides[0].users
    assert shown(both) == [dict.fromkeys(both.sides[0].stage.inventory.lots, 10)] * 2
    for side in both.sides:
        for kind in Kind:
            side.network.accidents[kind].extend([Accident.ERROR_BEFORE] * _EDITS)
    for number in range(_EDITS):
        stock = both.sides[0].stage.inventory.lots[LotId(f"lot-{number % _LOTS + 1:02}")]
        users.change_by(stock, 2 if number % 3 else -1, fields=True)
        if number % 20 == 0:
            rest_until(both.sides, clock.now() + timedelta(seconds=1))
    assert shown(both) == [dict.fromkeys(both.sides[0].stage.inventory.lots, 10)] * 2

    before = [writes(side) for side in both.sides]
    for side in both.sides:
        side.calm_down()
    come_to_rest(both.sides)
    for side in both.sides:
        side.judges.judge_rest()
    both.stock.judge_rest()
    assert all(writes(side) - sent <= _LOTS for side, sent in zip(both.sides, before, strict=True))
