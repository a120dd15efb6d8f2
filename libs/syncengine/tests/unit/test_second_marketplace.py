"""What the facts of another marketplace change: creates that take few fields, marks, listings that stay sold out."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from syncengine.budget import ticket
from syncengine.drift import noticed
from syncengine.explain_create import Made, Undecided, explain_create
from syncengine.listing import Group, Listing, ListingId, Lot, LotId, SellerId
from syncengine.marketplace import Applied, Create, Remove, Update
from syncengine.marks import lot_of_mark, mark_of
from syncengine.matching import match, may_be_its
from syncengine.plan import Send, Tier, Wait, plan
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.rows.intent import Intent, IntentId
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.settings import Settings
from syncengine.settle import settle, unlisted
from syncengine.testing.inventory import BRICK
from syncengine.testing.shop import FACTS, Fault, MemoryShop
from syncengine.testing.world import World

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OWLISH = replace(
    FACTS,
    repeated_fields=frozenset(),
    created_with={"note": "", "cost": None},
    marks_listings=True,
    keeps_sold_out=True,
    stamp_step=timedelta(milliseconds=1),
)


def a_row(quantity: int = 10, **fields: object) -> ListingRow:
    values = {"price": "0.1000", "note": "", "cost": None} | fields
    lot = Lot(item=BRICK, quantity=quantity, for_sale=True, retain=False, fields=values)  # type: ignore[arg-type]
    return ListingRow(lot_id=LotId("lot"), seller_id=SellerId("s"), desired=lot, revision=1)


def an_intent(row: ListingRow, *, above: int = 0) -> Intent:
    planned = plan(row, OWLISH, may_increase=True)
    assert isinstance(planned, Send)
    write = planned.write
    if isinstance(write, Create):
        write = replace(write, external_id=mark_of(row.lot_id, NOW))
    return Intent(
        intent_id=IntentId("i"),
        seller_id=row.seller_id,
        lot_id=row.lot_id,
        term=1,
        write=write,
        groups=planned.groups,
        revision=1,
        correlation_id="",
        sent_at=NOW,
        deadline=timedelta(seconds=1),
        stamp=NOW,
        above_listing_id=above,
    )


def done(row: ListingRow, *, listing_id: str | None = "7", above: int = 0) -> ListingRow:
    named = ListingId(listing_id) if listing_id is not None else None
    return settle(row, an_intent(row, above=above), Applied(listing_id=named), OWLISH, NOW)[0]


def test_create_takes_few_fields_and_what_differs_from_a_new_listing_follows_with_its_rank() -> None:
    """Rule F4."""
    row = a_row(note="A1")
    create = an_intent(row).write
    assert isinstance(create, Create)
    assert create.fields == {"price": "0.1000"}
    row = done(row)
    planned = plan(row, OWLISH, may_increase=True)
    assert isinstance(planned, Send)
    assert (planned.write, planned.tier) == (Update(listing_id=ListingId("7"), fields={"note": "A1"}), Tier.CREATE)
    row = done(row, listing_id=None)
    assert not isinstance(plan(row, OWLISH, may_increase=True), Send)
    row = replace(row, desired=replace(row.desired, fields={**row.desired.fields, "note": "B2"}))
    planned = plan(row, OWLISH, may_increase=True)
    assert isinstance(planned, Send)
    assert planned.tier is Tier.TEXT


def test_what_a_create_did_not_send_is_known_all_the_same() -> None:
    """Rule F2: a note that a foreign hand wrote before anything was read is a conflict, no news."""
    row = noticed(done(a_row()), listing("7", note="theirs"), OWLISH)
    assert [(name, conflict.theirs) for name, conflict in row.conflicts.items()] == [("note", "theirs")]
    assert not noticed(done(a_row()), listing("7"), OWLISH).conflicts


def test_listing_that_stays_sold_out_is_removed_by_us_unless_it_is_retained() -> None:
    row = replace(done(a_row()), ledger=0, uncounted=10)
    planned = plan(row, OWLISH, may_increase=True)
    assert isinstance(planned, Send)
    assert planned.tier is Tier.DECREASE
    retained = replace(row, desired=replace(row.desired, retain=True))
    assert not isinstance(plan(retained, OWLISH, may_increase=True), Send)


def test_what_was_applied_to_a_listing_that_is_gone_was_not_applied_to_the_next() -> None:
    """Rule F3: a field parks that one listing takes twice and does not show (seed 1046)."""
    row = done(done(a_row(note="A1")), listing_id=None)
    assert row.applied[Group.TEXT] == (1, 1)
    row = done(done(unlisted(row), listing_id="8"), listing_id=None)
    assert (row.listing_id, row.applied[Group.TEXT]) == (ListingId("8"), (1, 1))


def test_pieces_that_come_back_to_an_archived_lot_are_none_for_sale() -> None:
    """Rule Q2: they are no more than what inventory has yet to count, and it shows none of that lot (seed 1009)."""
    row = replace(done(a_row()), ledger=3, uncounted=-7)
    gone = replace(row, desired=replace(a_row(0).desired, for_sale=False, is_archived=True))
    assert (gone.target, plan(gone, OWLISH, may_increase=True)) == (
        0,
        Send(write=Remove(listing_id=ListingId("7")), groups=(Group.QUANTITY,), tier=Tier.REMOVAL),
    )


def test_lot_whose_item_is_not_known_there_waits_and_is_no_error() -> None:
    row = a_row()
    row = replace(row, desired=replace(row.desired, is_mapped=False))
    assert isinstance(plan(row, OWLISH, may_increase=True), Wait)
    listed = done(a_row())
    changed = replace(listed, desired=replace(row.desired, item=replace(BRICK, number="3020")))
    assert not isinstance(plan(changed, OWLISH, may_increase=True), Send)  # its listing is not taken away for it (N4)


def test_id_that_was_known_before_is_no_new_listing() -> None:
    """The shop put the pieces to another lot: a second try would do the same again."""
    row = done(a_row(), listing_id="7", above=7)
    assert (row.listing_id, row.trouble, row.intent_id) == (None, Trouble.CREATE_UNEXPLAINED, None)


def listing(listing_id: str, external_id: str = "", **changes: object) -> Listing:
    fields = {"price": "0.1000", "note": "", "cost": None} | changes
    return Listing(
        listing_id=ListingId(listing_id),
        item=BRICK,
        quantity=10,
        for_sale=True,
        retain=False,
        fields=fields,  # type: ignore[arg-type]
        external_id=external_id,
    )


def test_listing_with_the_attempts_mark_is_it_whatever_became_of_it() -> None:
    """Rule N3."""
    intent = an_intent(a_row())
    marked = replace(listing("9", mark_of(LotId("lot"), NOW), price="9.0000"), quantity=2)
    assert explain_create(intent, [marked], [], OWLISH) == Made(ListingId("9"))
    assert explain_create(intent, [], [], OWLISH) == Undecided()
    cut, foreign = listing("9", mark_of(LotId("lot"), NOW)[:8]), listing("8", "lot.", price="9.0000")
    assert explain_create(intent, [cut, foreign], [], OWLISH) == Made(ListingId("9"))  # by its fields


def test_lot_is_matched_by_mark_before_all_fields_the_youngest_first() -> None:
    """Rule C2: another lot's mark, or a text of the seller's own, matches nothing."""
    marks = [mark_of(LotId("lot"), NOW + timedelta(milliseconds=step)) for step in (0, 1)]
    equal, foreign = listing("3"), listing("6", "my own words")
    older, younger = (listing(name, mark, price="9.0000") for name, mark in zip(("4", "5"), marks, strict=True))
    matched = match([a_row()], [equal, older, younger, foreign], {}, OWLISH)
    assert matched.links == {LotId("lot"): younger}
    assert {each.listing_id for each in matched.unowned} == {"3", "4", "6"}


def test_empty_listing_that_was_nobodys_is_no_reason_to_ask() -> None:
    """ADR 18: it offers nothing. Equal in every field it is the lot's all the same."""
    left_over = replace(listing("3", price="9.0000"), quantity=0)
    matched = match([a_row()], [left_over], {}, OWLISH)
    assert (matched.ambiguous, matched.links, matched.unowned) == (frozenset(), {}, (left_over,))
    assert match([a_row()], [left_over], {}, FACTS).ambiguous == {LotId("lot")}
    ours_once = replace(left_over, external_id=mark_of(LotId("lot"), NOW))
    asking = replace(a_row(), strangers=())
    assert may_be_its(asking, ours_once, OWLISH)
    assert not may_be_its(asking, left_over, OWLISH)
    equal = replace(listing("4"), quantity=0)
    assert match([a_row()], [equal], {}, OWLISH).links == {LotId("lot"): equal}


def test_after_a_loss_a_lot_whose_listing_a_list_lacks_asks_whether_another_is_its_newer_one() -> None:
    """What a restored database knows of its listing may be old (rule C2, seed 832)."""
    row, another = replace(a_row(), listing_id=ListingId("1")), listing("4")
    assert match([row], [another], {}, FACTS).ambiguous == frozenset()
    lost = match([row], [another], {}, FACTS, after_loss=True)
    assert lost.ambiguous == {LotId("lot")}
    assert (not lost.links, lost.unowned) == (True, (another,))


def test_mark_names_its_lot_and_rises_with_the_stamp() -> None:
    first, second = (mark_of(LotId("a.b"), NOW + timedelta(milliseconds=step)) for step in (0, 1))
    assert first < second
    assert lot_of_mark(first) == "a.b"
    assert [lot_of_mark(text) for text in ("", "123", "lot.", ".1", "lot.x")] == [None] * 5


def test_many_calls_a_second_have_stamps_of_their_own() -> None:
    """Rule B4: steps are the marketplace's; a second for one that signs its calls."""
    stamps = []
    connection = ConnectionRow(seller_id=SellerId("s"))
    for _ in range(100):
        granted = ticket(
            connection, OWLISH, Settings(), spent=Spent(), write=True, deadline=timedelta(seconds=1), now=NOW
        )
        assert isinstance(granted, tuple)
        connection, charged = granted
        stamps.append(charged.stamp)
    assert stamps == sorted(set(stamps))
    assert stamps[-1] - NOW < timedelta(seconds=1)


class ShopOfPlainCreates(MemoryShop):
    """A shop whose new listings have no note, whatever was asked."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.facts = replace(OWLISH, marks_listings=False)

    def add(self, listing: Listing) -> ListingId:
        return super().add(replace(listing, fields={"note": "", "cost": None, **listing.fields}))


async def test_rest_of_a_create_that_was_not_done_is_sent_again() -> None:
    """Rules F4, K2: a look shows other fields than an unanswered write had, and none of them was ever sent before."""
    world = World()
    world.shop = ShopOfPlainCreates(world)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    world.shop.write_faults.extend([None, Fault.DROP_BEFORE])
    world.create("a", 10, note="A1")
    await world.settle()
    assert world.shown() == {"A1": 10}


async def test_what_a_listing_with_another_mark_sold_is_no_trace_of_a_create() -> None:
    """Rule N3: it is somebody else's, however well the pieces sold fit (Brick Owl's life 903)."""
    world = World()
    world.shop.facts = OWLISH
    await world.connect()
    world.shop.write_faults.append(Fault.DROP_BEFORE)
    world.create("a", 3)
    await world.settle(timedelta(seconds=5))
    assert world.row("a").unknown
    theirs = world.shop.add(listing("1001", "my own words"))
    world.shop.buy(theirs, 3)
    await world.settle()
    assert world.row("a").listing_id is None
    assert world.inventory.lots[LotId("a")].quantity == 3


async def test_all_orders_of_a_listing_that_bears_our_mark_count_however_it_was_found() -> None:
    """Its reply was lost with the database, and its pieces are in an order from before the lot (two shops' 7786)."""
    world = World()
    world.shop.facts = OWLISH
    await world.connect()
    await world.settle(timedelta(seconds=10))
    before_the_lot = world.clock.now()
    world.clock.turn(timedelta(minutes=1))
    world.create("a", 10)
    await world.deliver()
    backup, told = deepcopy(world.store.tables), world.told
    while not world.shop.listings:
        await world.turn()
    world.shop.orders[world.shop.buy(ListingId("1001"), 3)].ordered_at = before_the_lot
    await world.lose_database(backup, told)
    await world.settle()
    assert (world.row("a").listing_id, world.inventory.lots[LotId("a")].quantity) == ("1001", 7)


async def test_what_a_write_did_first_of_all_is_known_though_a_hand_undid_the_rest() -> None:
    """Rules F2, F4: the listing is not as that write left it, and not as it was made (seed 291)."""
    world = World()
    world.shop = ShopOfPlainCreates(world)
    await world.connect()
    world.create("a", 10)
    await world.settle(timedelta(seconds=10))
    world.shop.write_faults.append(Fault.DROP_AFTER)
    world.change("a", price="0.2000", note="A1")
    await world.deliver()
    while world.shown() != {"A1": 10}:
        assert await world.turn()
    world.shop.edit(ListingId("1001"), price="0.3000")
    world.change("a", note="")
    await world.settle()
    assert world.shop.listings[ListingId("1001")].fields == {"price": "0.2000", "note": "", "cost": None}


def test_decrease_whose_reply_shows_nothing_may_have_found_fewer_pieces() -> None:
    """Rule K4: a shop that clamps below zero says "success" too, so nothing is put in before late orders are known."""
    row = replace(done(a_row()), desired=a_row(4).desired)
    taken = settle(row, an_intent(row), Applied(), OWLISH, NOW)[0]
    assert (taken.ledger, taken.orders_after) == (4, NOW)


def test_price_that_another_hand_set_before_anything_was_read_is_a_conflict() -> None:
    """Rule F2: where replies show nothing, what was sent is what the shop shows, but for texts, which it may clean."""
    row = done(a_row(note="A1"))
    assert list(noticed(row, listing("7", price="9.0000"), OWLISH).conflicts) == ["price"]
    row = done(row, listing_id=None)
    assert noticed(row, listing("7", note="A1 cleaned"), OWLISH).conflicts == {}
    row = replace(row, desired=a_row(note="A1", price="0.2000").desired)
    row = done(row, listing_id=None)
    assert list(noticed(row, listing("7", note="A1", price="9.0000"), OWLISH).conflicts) == ["price"]
