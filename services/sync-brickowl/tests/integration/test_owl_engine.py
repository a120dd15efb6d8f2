"""The engine over the adapter and the sandbox: what a shop of Brick Owl is asked for, and what it shows at the end."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from product.owl_world import OwlWorld, brick
from sync_brickowl.catalog import BOID, entry_text, item_here
from sync_brickowl.listing import lot_of
from sync_brickowl.lot_fields import lot_fields_of
from syncengine.catalog import keep
from syncengine.listing import CatalogEntry, ListingId, Lot
from syncengine.rows.listing import Trouble
from syncengine.rows.shop import Counterpart
from syncengine.testing.inventory import SELLER
from syncengine.testing.operator import Operator

if TYPE_CHECKING:
    from product.brickowl import Owl

pytest_plugins = ["product.brickowl"]


async def test_plain_lot_takes_one_call_and_a_full_one_two(world: OwlWorld) -> None:
    """Rule F4: a create takes few fields; the next plan is the rest, and there is none where nothing differs."""
    await world.tell("plain", brick())
    assert await world.writes() == ["inventory/create"]
    await world.tell("full", brick(3, color_id=5, remarks="A1", sale_percent=5))
    assert await world.writes() == ["inventory/create", "inventory/create", "inventory/update"]
    assert await world.there() == [(10, True, ""), (3, True, "A1")]
    assert all(row.settled.values() for row in map(world.row, ("plain", "full")))


async def test_hidden_and_empty_lots_follow_as_they_are_retained(world: OwlWorld) -> None:
    """Rules Q3, Q5: hiding keeps the pieces; at zero a lot stays if it is retained, and is removed if not."""
    await world.tell("a", brick(retain=True))
    await world.tell("a", brick(retain=True, stockroom=lot_pb2.STOCKROOM_B))
    assert await world.there() == [(10, False, "")]
    await world.tell("a", brick(0, retain=True))
    assert await world.there() == [(0, True, "")]
    await world.tell("a", brick(4, retain=True))
    assert await world.there() == [(4, True, "")]
    await world.tell("a", brick(0))
    assert await world.there() == []


async def test_sold_out_listing_stays_until_our_books_say_that_it_goes(world: OwlWorld) -> None:
    """Unlike BrickLink's: with its last piece nothing is gone, so nothing like it is made a second time."""
    await world.tell("a", brick(5))
    [lot_id] = await world.owl.control.lots()
    await world.owl.control.order({lot_id: 5})
    await world.settle(timedelta(minutes=1))
    assert world.row("a").uncounted == 5
    assert (await world.writes())[-1:] == ["inventory/delete"]
    await world.tell("a", brick(7))
    await world.settle()
    assert sum(quantity for quantity, _, _ in await world.there()) == 7


async def test_sale_is_told_and_refund_opens_a_return(world: OwlWorld) -> None:
    """Rules S2, S4: a list of orders says nothing of refunds; a view of those that changed last does."""
    await world.tell("a", brick(10))
    [lot_id] = await world.owl.control.lots()
    order = await world.owl.control.order({lot_id: 4})
    await world.settle(timedelta(minutes=1))
    [line] = world.store.tables.lines.values()
    assert (line.total, line.returned, world.row("a").ledger) == (4, 0, 6)
    await world.owl.control.refund(order["order_id"], lot_id, 3)
    await world.settle(timedelta(minutes=2))
    [line] = world.store.tables.lines.values()
    assert (line.total, line.returned, world.row("a").ledger) == (4, 3, 6)


@pytest.mark.parametrize("merged_order", ["emptied", "kept"])
@pytest.mark.parametrize("merged_lines", ["apart", "summed"])
async def test_orders_that_merge_sell_nothing_more(world: OwlWorld, merged_order: str, merged_lines: str) -> None:
    """Rule S2: no piece moves, so in the end no total has."""
    await world.owl.control.switch(merged_order=merged_order, merged_lines=merged_lines)
    await world.tell("a", brick(10))
    await world.tell("b", brick(4, color_id=5))
    first, second = await world.owl.control.lots()
    into = (await world.owl.control.order({first: 2}))["order_id"]
    gone = (await world.owl.control.order({first: 3, second: 1}))["order_id"]
    await world.settle(timedelta(minutes=1))
    await world.owl.control.merge_orders(gone, into)
    await world.settle()
    totals = {(line.order_id, line.lot_id): line.total for line in world.store.tables.lines.values()}
    left = {key: total for key, total in totals.items() if total}
    assert left == {(str(into), "a"): 5, (str(into), "b"): 1}
    assert [(world.row(lot_id).ledger, world.row(lot_id).uncounted) for lot_id in ("a", "b")] == [(5, 5), (3, 1)]
    assert all(world.row(lot_id).trouble is None for lot_id in ("a", "b"))
    assert [quantity for quantity, _, _ in await world.there()] == [5, 3]


async def test_lost_reply_to_a_create_is_found_by_its_mark(world: OwlWorld) -> None:
    """Rules N2, N3: also after a foreign hand has changed the listing, and among look-alikes."""
    await world.owl.control.set_fault("drop", when="after", method="POST", count=1)
    await world.tell("a", brick(10, remarks="A1"))
    for lot_id in await world.owl.control.lots():
        await world.owl.control.edit_lot(lot_id, price="0.500", quantity=8)
    await world.owl.control.add_lot(boid="771344-38", quantity=10, price="0.120", condition="new")
    await world.settle(timedelta(minutes=2))
    ours = [lot for lot in (await world.owl.control.lots()).values() if lot["external_lot_ids"]]
    assert [str(lot["lot_id"]) for lot in ours] == [world.row("a").listing_id]
    assert (await world.writes()).count("inventory/create") == 1


async def test_mark_that_the_shop_cuts_is_still_a_trace(world: OwlWorld) -> None:
    """Else a create whose reply is lost would be taken for undone, and its pieces offered twice (rule N3)."""
    await world.owl.control.switch(external_id_limit=6, long_text="cut")
    await world.owl.control.set_fault("drop", when="after", method="POST", count=1)
    await world.tell("a", brick(10))
    await world.settle(timedelta(minutes=10))
    assert (await world.writes()).count("inventory/create") == 1
    assert world.row("a").listing_id is not None


async def test_lost_request_to_create_is_sent_again(world: OwlWorld) -> None:
    await world.owl.control.set_fault("drop", when="before", method="POST", count=1)
    await world.tell("a", brick(10))
    await world.settle(timedelta(minutes=10))
    assert await world.there() == [(10, True, "")]


async def test_pieces_put_to_another_lot_are_no_listing_of_this_one(world: OwlWorld) -> None:
    """A shop that merges equal lots answers with an id that was there: a second try would add the pieces again."""
    await world.tell("a", brick(10))
    await world.owl.control.switch(equal_lots="merge")
    await world.tell("b", brick(5))
    await world.settle()
    assert world.row("b").trouble is Trouble.CREATE_UNEXPLAINED
    assert (await world.writes()).count("inventory/create") == 2


async def test_many_lots_of_few_unknown_parts_are_one_short_list_and_no_error(world: OwlWorld) -> None:
    """Each entry is asked for once, and mapping one by hand lists its lots."""
    colors = (1, 5, 11)
    for number in ("no such part!", "nor this one!"):
        for color_id in colors:
            await world.tell(f"{number}{color_id}", brick(number=number, color_id=color_id))
    async with world.store.transaction() as tx:
        entries = await tx.unmapped(SELLER, after="", limit=10)
        assert [(each.entry.number, each.lots) for each in entries] == [("no such part!", 3), ("nor this one!", 3)]
    assert await world.writes() == []
    assert len(await world.owl.control.requests(path="/bulk/batch")) == 2
    rows = [world.row(f"no such part!{color_id}") for color_id in colors]
    assert not any(row.parked or row.trouble for row in rows)
    async with world.store.transaction() as tx:
        connection = await tx.lock_connection(SELLER)
        said = Counterpart(
            seller_id=SELLER,
            entry=entries[0].entry,
            found=CatalogEntry(item_type=BOID, number="771344"),
            since=entries[0].since,
        )
        assert await keep(tx, SELLER, [said], world.shop.facts, world.clock.now()) == 3
        await tx.save_connection(replace(connection, due_at=world.clock.now()))
    await world.settle(timedelta(minutes=1))
    assert [quantity for quantity, _, _ in await world.there()] == [10, 10, 10]


async def test_unknown_colour_waits_as_an_entry_of_its_own(world: OwlWorld) -> None:
    await world.tell("a", brick(color_id=165))  # BrickLink's Neon Orange, which Brick Owl has none of
    async with world.store.transaction() as tx:
        [entry] = await tx.unmapped(SELLER, after="", limit=10)
    assert entry.entry == CatalogEntry(item_type="PART", number="3001", color_id=165)
    assert await world.owl.control.requests(path="/bulk/batch") == []


async def test_listings_that_were_there_are_matched_once_items_are_known(owl: "Owl") -> None:
    """Rule C2: items are looked up before the shop is matched."""
    there = await owl.control.add_lot(boid="771344", color_id=38, quantity=10, price="0.120", condition="new")
    world = OwlWorld(owl)
    seller_name = (await owl.control.show())["seller_name"]
    await world.connect(shop_name=seller_name, shop_is_empty=False)
    await world.tell("a", brick())
    await world.settle(timedelta(minutes=1))
    assert world.row("a").listing_id == ListingId(str(there["lot_id"]))


async def test_another_shops_keys_are_halted_before_anything_is_asked(owl: "Owl") -> None:
    """Rule W1."""
    world = OwlWorld(owl)
    await world.connect(shop_name="somebody else")
    await world.settle(timedelta(minutes=1))
    assert world.connection.halted == "ANOTHER_SHOP"
    assert {entry["path"].strip("/") for entry in await owl.control.requests()} == {"token/details"}


async def test_a_shop_whose_name_was_typed_wrong_is_taken_once_its_owner_says_so(owl: "Owl") -> None:
    """Rule W1: it was never matched, so nothing of any other shop is in the books."""
    world = OwlWorld(owl)
    seller_name = (await owl.control.show())["seller_name"]
    await world.connect(shop_name="somebody else")
    await world.tell("a", brick())
    assert (world.connection.halted, world.connection.shown_name) == ("ANOTHER_SHOP", seller_name)
    request = pb.AnswerShopRequest(shown_name=seller_name, answer=waiting_pb2.SHOP_ANSWER_SAME_SHOP)
    await Operator(world).ask("AnswerShop", request)
    await world.settle(timedelta(minutes=1))
    assert (world.connection.halted, world.connection.pinned_name) == ("", seller_name)
    assert [quantity for quantity, _, _ in await world.there()] == [10]


def test_lot_that_inventory_publishes_is_unmapped_until_it_is_looked_up() -> None:
    lot: Lot = lot_of(brick())
    assert (lot.is_mapped, lot.entry) == (False, CatalogEntry(item_type="PART", number="3001"))


async def test_grade_that_a_lot_does_not_say_is_as_the_seller_wants_it(world: OwlWorld) -> None:
    """And a change of that is an update of the listings that were there."""
    used, fine = brick(), brick(color_id=5, used_grade=lot_pb2.USED_GRADE_LIKE_NEW)
    for lot_id, lot in (("plain", used), ("fine", fine)):
        lot.item.condition = lot_pb2.CONDITION_USED
        await world.tell(lot_id, lot)
    grades = {lot["full_con"] for lot in (await world.owl.control.lots()).values()}
    assert grades == {"usedg", "usedn"}
    await Operator(world).ask("SetDefault", pb.SetDefaultRequest(field="grade", value="useda"))
    await world.settle(timedelta(minutes=1))
    assert {lot["full_con"] for lot in (await world.owl.control.lots()).values()} == {"useda", "usedn"}
    assert (await world.writes())[2:] == ["inventory/update"]


async def test_listings_of_no_lot_are_told_as_the_lots_that_they_would_be(owl: "Owl") -> None:
    """Rule S7: BOIDs come back to part numbers by the numbers beside them, if these lead to just that BOID."""
    there = {
        "part": await owl.control.add_lot(
            boid="771344", color_id=38, quantity=10, price="0.120", condition="usedn", external_id="50001001"
        ),
        "hidden": await owl.control.add_lot(
            boid="771344", color_id=92, quantity=2, price="0.5", condition="new", for_sale=0
        ),
        "several": await owl.control.add_lot(boid="939628", color_id=38, quantity=1, price="0.120", condition="new"),
    }
    world = OwlWorld(owl)
    seller_name = (await owl.control.show())["seller_name"]
    await world.connect(shop_name=seller_name, shop_is_empty=False)
    await world.settle(timedelta(minutes=1))
    assert world.connection.hints_after is None
    asked = Operator(world, item_here=item_here, lot_fields_of=lot_fields_of)
    listings = (await asked.ask("ListUnownedListings", pb.ListUnownedListingsRequest())).listings
    told = {listing.listing_id: listing for listing in listings}
    part, hidden, several = (told[str(lot["lot_id"])] for lot in there.values())
    assert (part.unmapped_field, part.lot.quantity, part.lot.used_grade) == ("", 10, lot_pb2.USED_GRADE_LIKE_NEW)
    assert set(part.shown_fields) == {
        *("unit_price", "sale_percent", "tiers", "bulk", "cost", "description", "remarks", "used_grade"),
    }
    assert (part.price_places, part.external_id) == (3, "50001001")
    item = part.lot.item
    assert (item.type, item.number, item.color_id) == (lot_pb2.ITEM_TYPE_PART, "3001", 11)
    assert (hidden.lot.item.number, hidden.lot.item.color_id, hidden.lot.stockroom) == ("3001", 1, lot_pb2.STOCKROOM_A)
    assert several.unmapped_field == "item"
    # the imported lot is linked, and nothing is written
    lot = lot_pb2.Lot()
    lot.CopyFrom(part.lot)
    await world.confirm()
    await world.tell("imported", lot, listing_ids=[part.listing_id])
    await world.settle(timedelta(minutes=2))
    assert (world.row("imported").listing_id, world.row("imported").trouble) == (part.listing_id, None)
    assert await world.writes() == []


async def test_candidates_are_offered_where_a_number_has_several_boids(world: OwlWorld) -> None:
    await world.tell("a", brick(number="3003"))
    async with world.store.transaction() as tx:
        [unmapped] = await tx.unmapped(SELLER, after="", limit=10)
    assert [entry_text(entry) for entry in unmapped.candidates] == ["3003", "939628"]
    assert await world.writes() == []
