"""What the judges let pass because of lists that are not the shop's (rule N3)."""

from datetime import timedelta

import pytest

from simulation.seeds import make_life
from syncengine.listing import ListRead
from syncengine.rows.connection import ConnectionRow
from syncengine.testing.inventory import SELLER
from syncengine.testing.simulation.books import Cause
from syncengine.testing.simulation.lists import Lists
from syncengine.testing.simulation.network import Accident

_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("booked", "excused"),
    [
        ((False, False), True),  # the first false list was a census's, and so is the second (seed 543)
        ((True, False), False),  # a census between booked a true one
        ((), True),  # what a look lists is no census
    ],
)
def test_two_lists_that_lack_a_listing_may_be_believed_unless_a_census_booked_a_true_one_between(
    booked: tuple[bool, ...], excused: bool
) -> None:
    life = make_life(0)
    life.workers.end()
    stage, lists = life.stage, Lists(life.stage)
    stock = life.users.add(5, life.users.make_color(), life.users.make_look(1), retain=False)
    listing_id = stage.shop.put_up(stock.item, 5, stage.shop.as_shown(stock.fields), stage.clock.now())
    stage.books.own(listing_id, stock.lot_id)
    stage.store.tables.owners[SELLER, listing_id] = stock.lot_id
    stage.store.tables.connections[SELLER] = ConnectionRow(seller_id=SELLER)

    def read(*, true: bool, census: bool) -> None:
        listed_at = stage.clock.now()
        stage.clock.turn(_SECOND)
        held = tuple(stage.shop.listings().values()) if true else ()
        lists.listed(None if true else Accident.SHORT_LIST, ListRead(listings=held, read_at=stage.clock.now()))
        stage.clock.turn(_SECOND)
        if census:
            stage.store.tables.connections[SELLER] = ConnectionRow(seller_id=SELLER, census_at=listed_at)

    read(true=True, census=False)
    read(true=False, census=bool(booked) and not booked[0])
    read(true=True, census=bool(booked) and booked[0])
    read(true=False, census=False)
    assert (Cause.FALSE_LIST in stage.books.causes(stock.lot_id)) is excused
