"""What lies between the workers and the shop in the simulation: how late a write may land that nobody heard of."""

from datetime import timedelta
from random import Random
from unittest.mock import Mock

from syncengine.listing import ListingId
from syncengine.marketplace import Applied, Remove, Ticket
from syncengine.testing.clock import HandClock
from syncengine.testing.shop import FACTS
from syncengine.testing.simulation.network import Landing, Network
from syncengine.testing.world import QUICK

_MOMENT = timedelta(milliseconds=1)


def test_a_write_lands_no_later_than_the_late_window_after_its_deadline_however_late_its_call_got_on_its_way() -> None:
    """A worker stood still for a second before its call left: K1 counts from the deadline all the same (life 5133)."""
    clock, landed = HandClock(), list[Landing]()
    shop = Mock(facts=FACTS, batch_limit=None)
    shop.listings.return_value, shop.counts.return_value, shop.write.return_value = {}, 1, Applied()
    network = Network(
        models={1: shop},
        clock=clock,
        settings=QUICK,
        random=Random(0),
        intended=Mock(),
        arrived=Mock(),
        landed=landed.append,
        listed=Mock(),
    )
    ticket = Ticket(stamp=clock.now(), deadline=QUICK.call_deadline)
    deadline = clock.now() + ticket.deadline
    clock.turn(timedelta(seconds=1))
    network.land_late([Remove(listing_id=ListingId("1"))], ticket, shop, deadline=deadline, latest=True)
    clock.turn(deadline + QUICK.late_window - clock.now() - _MOMENT)
    network.land_late_ones()
    assert not landed
    network.take_call(Ticket(stamp=clock.now(), deadline=QUICK.call_deadline), shop, write=False)
    assert landed, "what should have landed is there for a call that gets to the shop after it"
