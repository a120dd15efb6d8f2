"""The script's own account in the simulation: what its judges hold true of orders."""

import pytest

from syncengine.listing import ListingId, LotId, OrderId
from syncengine.testing.clock import HandClock
from syncengine.testing.inventory import BRICK, Inventory
from syncengine.testing.simulation.books import Books


@pytest.mark.parametrize("linked", [True, False])
def test_pieces_gone_before_the_connection_are_no_lots_when_their_order_goes_into_another(linked: bool) -> None:
    """Their listing was gone before anybody could link it, so nothing is ever told of them (rule C3, seed 598)."""
    inventory = Inventory(HandClock())
    books, now = Books(inventory), inventory.clock.now()
    inventory.create("lot", 5, fields={})
    lot_id, listing_id = LotId("lot"), ListingId("1")
    gone, into = OrderId("1"), OrderId("2")
    books.sell(gone, listing_id, BRICK, 3, now)
    books.own(listing_id, lot_id)
    books.merge(gone, into, now, linked={listing_id} if linked else set())
    assert books.lines[into, listing_id].lot_id == (lot_id if linked else None)
    assert (books.lines[gone, listing_id].held, books.lines[into, listing_id].held) == (0, 3)
