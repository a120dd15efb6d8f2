"""What every `Store` keeps to: tests that each implementation runs with fixtures `store` and `published` of its own."""

# ruff: noqa: S101 - these are tests
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from syncengine.events import Event, state_wished
from syncengine.listing import Item, Listing, ListingId, Lot, LotId, OrderId, SellerId, Values
from syncengine.plan import Tier
from syncengine.rows import (
    Booking,
    ConnectionRow,
    Fate,
    Intent,
    IntentId,
    Lease,
    LineRow,
    ListingRow,
    OrderRow,
    ShopListing,
)
from syncengine.store.protocol import Difference, FencedError, ListingCounts, Store, Transaction
from syncengine.testing.samples import sample

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BUCKET = timedelta(minutes=10)
A, B = SellerId("seller-a"), SellerId("seller-b")
BRICK = Item(item_type="PART", number="3001", color_id=5, condition="NEW", completeness="")
PLATE = replace(BRICK, number="3020")

Published = Callable[[], Awaitable[Sequence[tuple[str, str, bytes, str]]]]
"""Tells topic, key, value and correlation id of all that was published, in order."""


def lot_row(lot_id: str, seller_id: SellerId = A, *, quantity: int = 10) -> ListingRow:
    """Make a row as a lot's first event leaves it."""
    lot = Lot(item=BRICK, quantity=quantity, for_sale=True, retain=False, fields={"price": "0.1000", "cost": None})
    return ListingRow(lot_id=LotId(lot_id), seller_id=seller_id, desired=lot, revision=1)


def shop_listing(listing_id: str, seller_id: SellerId = A, item: Item = BRICK) -> ShopListing:
    """Make a listing as a census saw it."""
    listing = Listing(
        listing_id=ListingId(listing_id), item=item, quantity=3, for_sale=True, retain=False, fields={"note": "é\n'"}
    )
    return ShopListing(seller_id=seller_id, listing=listing, seen_at=NOW)


def order_line(order_id: str, listing_id: str, seller_id: SellerId = A) -> LineRow:
    """Make an order line as it is first read."""
    line = sample(LineRow)
    order, listing = OrderId(order_id), ListingId(listing_id)
    return replace(line, seller_id=seller_id, order_id=order, listing_id=listing, lot_id=None)


async def taken(store: Store, seller_id: SellerId, owner: str, now: datetime = NOW) -> Lease:
    """Take a lease for ten seconds."""
    lease = await store.take_lease(seller_id, owner, now, now + 10 * SECOND)
    assert lease is not None
    return lease


async def fail_after(store: Store, write: Callable[[Transaction], Awaitable[None]]) -> None:
    """Write something in a transaction that then fails."""
    async with store.transaction() as tx:
        await write(tx)
        raise ZeroDivisionError


class StoreContract:
    """Subclass it in a test module, with the fixtures."""

    # Every field of every row comes back as it was -------------------------------------------------------------------

    @pytest.mark.parametrize("kind", [ConnectionRow, ListingRow, Intent, OrderRow, LineRow, Booking, ShopListing])
    def test_samples_have_no_field_at_its_default(self, kind: type[object]) -> None:
        """Or the round trips would not notice a field that is not kept."""
        row = sample(kind)
        for field in fields(kind):  # type: ignore[arg-type]
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            assert getattr(row, field.name) != default, field.name

    async def test_connection_round_trip(self, store: Store) -> None:
        row = sample(ConnectionRow)
        async with store.transaction() as tx:
            await tx.save_connection(row)
        async with store.transaction() as tx:
            assert await tx.lock_connection(row.seller_id) == row
            assert await tx.find_connection(row.seller_id) == row

    @pytest.mark.parametrize("choice", range(3))
    async def test_listing_round_trip(self, store: Store, choice: int) -> None:
        row = sample(ListingRow, choice=choice)
        async with store.transaction() as tx:
            await tx.save_listings([lot_row(row.lot_id)], [Tier.CREATE])
            await tx.save_listings([row], [None])
        async with store.transaction() as tx:
            assert await tx.find_listing(row.lot_id) == row

    async def test_values_keep_their_types(self, store: Store) -> None:
        """A flag is not the number one, nor a number its text: what differs is sent again."""
        values: Values = {"flag": True, "off": False, "one": 1, "zero": 0, "text": "1", "empty": "", "none": None}
        async with store.transaction() as tx:
            await tx.save_listings([replace(lot_row("lot"), sent=values)], [None])
        async with store.transaction() as tx:
            row = await tx.find_listing(LotId("lot"))
        assert row is not None
        assert repr(dict(sorted(row.sent.items()))) == repr(dict(sorted(values.items())))

    @pytest.mark.parametrize("choice", range(3))
    async def test_intent_round_trip(self, store: Store, choice: int) -> None:
        intent = sample(Intent, choice=choice)
        async with store.transaction() as tx:
            await tx.add_intent(intent)
        async with store.transaction() as tx:
            assert await tx.get_intent(intent.intent_id) == intent
            changed = sample(Intent, choice=choice + 1, start=100)
            await tx.save_intent(replace(changed, intent_id=intent.intent_id))
        async with store.transaction() as tx:
            assert await tx.get_intent(intent.intent_id) == replace(changed, intent_id=intent.intent_id)

    async def test_order_and_line_round_trip(self, store: Store) -> None:
        order, line = sample(OrderRow), sample(LineRow)
        async with store.transaction() as tx:
            await tx.save_order(order)
            await tx.save_lines([line])
        async with store.transaction() as tx:
            assert await tx.find_orders(order.seller_id, [order.order_id]) == {order.order_id: order}
            assert await tx.lines_of_seller(line.seller_id) == [line]

    async def test_shop_listing_round_trip(self, store: Store) -> None:
        row = sample(ShopListing)
        async with store.transaction() as tx:
            await tx.add_shop_listing(row)
        async with store.transaction() as tx:
            assert await tx.unowned(row.seller_id) == [row]

    # Transactions and leases -----------------------------------------------------------------------------------------

    async def test_failed_transaction_leaves_nothing(self, store: Store) -> None:
        async def write(tx: Transaction) -> None:
            await tx.lock_connection(A)
            await tx.save_listings([lot_row("lot")], [None])

        with pytest.raises(ZeroDivisionError):
            await fail_after(store, write)
        async with store.transaction() as tx:
            assert await tx.connections() == []
            assert await tx.find_listing(LotId("lot")) is None

    async def test_transaction_reads_what_it_wrote(self, store: Store) -> None:
        async with store.transaction() as tx:
            connection = await tx.lock_connection(A)
            await tx.save_connection(replace(connection, wish_id="wish"))
            assert (await tx.lock_connection(A)).wish_id == "wish"

    async def test_lease_is_one_owners_until_it_expires(self, store: Store) -> None:
        first = await taken(store, A, "one")
        assert first.term >= int(NOW.timestamp() * 1_000_000)
        assert await store.take_lease(A, "two", NOW + 9 * SECOND, NOW + 19 * SECOND) is None
        assert await store.take_lease(B, "two", NOW, NOW + SECOND) is not None
        second = await taken(store, A, "two", NOW + 10 * SECOND)
        assert second.term > first.term

    async def test_renewal_keeps_the_term(self, store: Store) -> None:
        first = await taken(store, A, "one")
        assert await taken(store, A, "one", NOW + 5 * SECOND) == replace(first, expires_at=NOW + 15 * SECOND)
        assert await store.take_lease(A, "two", NOW + 11 * SECOND, NOW + 21 * SECOND) is None

    async def test_terms_rise_though_the_clock_falls_behind(self, store: Store) -> None:
        first = await taken(store, A, "one")
        await store.release_lease(first, NOW)
        async with store.transaction(first):
            """Nobody else took it."""
        earlier = NOW - timedelta(days=1)
        await store.release_lease(first, earlier)
        assert (await taken(store, A, "two", earlier)).term == first.term + 1

    async def test_fenced_transaction_writes_nothing(self, store: Store) -> None:
        first = await taken(store, A, "one")
        async with store.transaction(first) as tx:
            await tx.lock_connection(A)
        await taken(store, A, "two", NOW + 10 * SECOND)
        with pytest.raises(FencedError):
            async with store.transaction(first) as tx:
                await tx.save_listings([lot_row("lot")], [None])
        async with store.transaction() as tx:
            assert await tx.find_listing(LotId("lot")) is None

    async def test_lease_of_another_seller_or_of_nobody_is_fenced(self, store: Store) -> None:
        lease = await taken(store, A, "one")
        for stranger in (replace(lease, seller_id=B), replace(lease, owner="two"), replace(lease, term=1)):
            with pytest.raises(FencedError):
                async with store.transaction(stranger):
                    """It may not even begin."""

    async def test_release_frees_only_ones_own_lease(self, store: Store) -> None:
        first = await taken(store, A, "one")
        await store.release_lease(replace(first, owner="two"), NOW)
        assert await store.take_lease(A, "three", NOW, NOW + SECOND) is None
        await store.release_lease(first, NOW)
        assert await store.take_lease(A, "three", NOW, NOW + SECOND) is not None

    async def test_loss_fences_whoever_works_on_what_was_there(self, store: Store) -> None:
        lost = await taken(store, A, "one")
        async with store.transaction() as tx:
            await tx.note_loss(NOW)
        with pytest.raises(FencedError):
            async with store.transaction(lost):
                """It may not go on as if nothing had happened."""
        assert (await taken(store, A, "two")).term > lost.term

    # Which connection is next ----------------------------------------------------------------------------------------

    async def test_least_recently_served_connection_is_next(self, store: Store) -> None:
        sellers = [SellerId(name) for name in ("served-late", "served-early", "never-served", "not-due", "idle")]
        served: list[datetime | None] = [NOW - SECOND, NOW - 9 * SECOND, None, None, None]
        due: list[datetime | None] = [NOW - 9 * SECOND, NOW, NOW, NOW + SECOND, None]
        async with store.transaction() as tx:
            for seller_id, served_at, due_at in zip(sellers, served, due, strict=True):
                row = ConnectionRow(seller_id=seller_id, last_served_at=served_at, due_at=due_at)
                await tx.save_connection(row)
        order = []
        while (seller := await store.next_due("one", NOW)) is not None:
            order.append(seller)
            await taken(store, seller, "other")
        assert order == ["never-served", "served-early", "served-late"]
        assert await store.next_due("other", NOW) == "never-served"
        assert await store.next_due("one", NOW + 10 * SECOND) == "never-served"

    async def test_next_due_at(self, store: Store) -> None:
        assert await store.next_due_at() is None
        async with store.transaction() as tx:
            await tx.save_connection(ConnectionRow(seller_id=A))
        assert await store.next_due_at() is None
        async with store.transaction() as tx:
            await tx.save_connection(ConnectionRow(seller_id=A, due_at=NOW + SECOND))
            await tx.save_connection(ConnectionRow(seller_id=B, due_at=NOW))
        assert await store.next_due_at() == NOW

    # Connections -----------------------------------------------------------------------------------------------------

    async def test_unheard_of_connection_is_fresh_once_locked(self, store: Store) -> None:
        async with store.transaction() as tx:
            assert await tx.find_connection(A) is None
            assert await tx.lock_connection(A) == ConnectionRow(seller_id=A)
        async with store.transaction() as tx:
            assert await tx.find_connection(A) == ConnectionRow(seller_id=A)

    async def test_connections_by_id(self, store: Store) -> None:
        async with store.transaction() as tx:
            for seller_id in (B, A):
                await tx.lock_connection(seller_id)
            assert await tx.connections() == [A, B]

    async def test_shop_is_pinned_by_the_enabled_connection(self, store: Store) -> None:
        async with store.transaction() as tx:
            await tx.save_connection(ConnectionRow(seller_id=A, pinned_name="Stra\u00dfe", enabled=False))
            await tx.save_connection(ConnectionRow(seller_id=B, pinned_name="Other", enabled=True))
            assert await tx.shop_pinned_by("Stra\u00dfe") is None
            await tx.save_connection(ConnectionRow(seller_id=A, pinned_name="Stra\u00dfe", enabled=True))
            assert await tx.shop_pinned_by("STRASSE") == A

    async def test_last_loss(self, store: Store) -> None:
        async with store.transaction() as tx:
            assert await tx.last_loss() is None
            await tx.note_loss(NOW)
            await tx.note_loss(NOW + SECOND)
        async with store.transaction() as tx:
            assert await tx.last_loss() == NOW + SECOND

    # Listings --------------------------------------------------------------------------------------------------------

    async def test_listings_are_found_by_lot_and_by_seller(self, store: Store) -> None:
        rows = [lot_row("b"), lot_row("a"), lot_row("c", B)]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None, None, None])
        async with store.transaction() as tx:
            assert await tx.find_listings([LotId("a"), LotId("c"), LotId("none")]) == {"a": rows[1], "c": rows[2]}
            assert await tx.find_listings([]) == {}
            assert await tx.listings_of(A) == [rows[1], rows[0]]

    async def test_row_given_twice_is_kept_as_given_last(self, store: Store) -> None:
        async with store.transaction() as tx:
            await tx.save_listings([lot_row("a"), lot_row("a", quantity=3)], [None, Tier.CREATE])
            assert await tx.listings_of(A) == [lot_row("a", quantity=3)]
            assert len(await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=9)) == 1

    async def test_best_tier_is_called_first(self, store: Store) -> None:
        names = ["d", "c", "b", "a", "none", "late", "intent", "look"]
        tiers = [Tier.PRICE, Tier.DECREASE, Tier.PRICE, Tier.CREATE, None, Tier.CREATE, Tier.CREATE, Tier.CREATE]
        rows = [lot_row(name) for name in names]
        rows[2] = replace(rows[2], not_before=NOW)
        rows[5] = replace(rows[5], not_before=NOW + SECOND)
        rows[6] = replace(rows[6], intent_id=IntentId("intent"))
        rows[7] = replace(rows[7], look_since=NOW)
        async with store.transaction() as tx:
            await tx.save_listings(rows, tiers)
            await tx.save_listings([lot_row("other", B)], [Tier.DECREASE])
        async with store.transaction() as tx:
            found = await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=9)
            assert [row.lot_id for row in found] == ["c", "a", "b", "d"]
            assert [row.lot_id for row in await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=2)] == ["c", "a"]
            found = await tx.next_listings(A, tiers=[Tier.PRICE, Tier.TEXT], now=NOW, limit=9)
            assert [row.lot_id for row in found] == ["b", "d"]

    async def test_next_listing_at(self, store: Store) -> None:
        rows = [replace(lot_row("a"), not_before=NOW + 3 * SECOND), replace(lot_row("b"), not_before=NOW + 5 * SECOND)]
        async with store.transaction() as tx:
            assert await tx.next_listing_at(A, tiers=list(Tier), now=NOW) is None
            await tx.save_listings(rows, [Tier.CREATE, Tier.PRICE])
            assert await tx.next_listing_at(A, tiers=list(Tier), now=NOW) == NOW + 3 * SECOND
            assert await tx.next_listing_at(A, tiers=[Tier.PRICE], now=NOW) == NOW + 5 * SECOND
            assert await tx.next_listing_at(A, tiers=[Tier.TEXT], now=NOW) is None
            for ready in (lot_row("c"), replace(lot_row("c"), not_before=NOW - SECOND)):
                await tx.save_listings([ready], [Tier.PRICE])
                assert await tx.next_listing_at(A, tiers=list(Tier), now=NOW) == NOW

    async def test_looks_wanted(self, store: Store) -> None:
        intent = IntentId("intent")
        rows = [
            lot_row("calm"),
            replace(lot_row("doubtful"), look_since=NOW),
            replace(lot_row("open"), intent_id=intent, look_since=NOW),
            replace(lot_row("unknown"), intent_id=intent, unknown=True),
        ]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None] * 4)
            await tx.save_listings([replace(lot_row("other", B), look_since=NOW)], [None])
            assert await tx.looks_wanted(A) == [rows[1], rows[3]]

    async def test_listings_are_counted_for_the_seller(self, store: Store) -> None:
        intent = IntentId("intent")
        rows = [
            lot_row("calm"),
            replace(lot_row("later"), not_before=NOW + SECOND),
            lot_row("now"),
            replace(lot_row("sent"), intent_id=intent),
            replace(lot_row("unknown"), intent_id=intent, unknown=True),
        ]
        async with store.transaction() as tx:
            assert await tx.count_listings(A) == ListingCounts(waiting=0, unknown=0)
            await tx.save_listings(rows, [None, Tier.TEXT, Tier.CREATE, Tier.PRICE, Tier.PRICE])
            await tx.save_listings([lot_row("other", B)], [Tier.CREATE])
            assert await tx.count_listings(A) == ListingCounts(waiting=2, unknown=1)

    async def test_differences_by_lot_id(self, store: Store) -> None:
        listed = ListingId("77")
        rows = [
            lot_row("absent"),
            replace(lot_row("equal"), listing_id=listed, ledger=10),
            replace(lot_row("fewer"), listing_id=listed, ledger=4),
            replace(lot_row("oversold", quantity=-2), listing_id=listed, ledger=0),
            replace(lot_row("sold"), listing_id=listed, ledger=10, uncounted=3),
            replace(lot_row("unexplained"), listing_id=listed, ledger=10, theirs=12),
        ]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None] * 6)
            await tx.save_listings([replace(lot_row("other", B), listing_id=listed, ledger=1)], [None])
            found = await tx.differences(A, after=None, limit=9)
            assert found == [
                Difference(lot_id=LotId("fewer"), listing_id=listed, ours=10, theirs=4),
                Difference(lot_id=LotId("sold"), listing_id=listed, ours=7, theirs=10),
                Difference(lot_id=LotId("unexplained"), listing_id=listed, ours=10, theirs=12),
            ]
            assert await tx.differences(A, after=LotId("fewer"), limit=1) == found[1:2]

    # Which listing ever stood for which lot --------------------------------------------------------------------------

    async def test_listing_ids(self, store: Store) -> None:
        one, two, three = ListingId("1"), ListingId("2"), ListingId("3")
        a, b = LotId("a"), LotId("b")
        async with store.transaction() as tx:
            await tx.add_listing_ids(A, [(two, a), (one, a)])
            await tx.add_listing_ids(A, [(two, b), (three, b)])
            await tx.add_listing_ids(B, [(one, LotId("c"))])
            await tx.add_listing_ids(A, [])
        async with store.transaction() as tx:
            assert await tx.lots_of_listings(A, [one, two, three, ListingId("9")]) == {one: a, two: a, three: b}
            assert await tx.lots_of_listings(A, []) == {}
            assert await tx.listing_ids_of([a, b, LotId("none")]) == {a: [one, two], b: [three]}
            assert await tx.listing_ids_of([]) == {}

    async def test_listings_that_we_made(self, store: Store) -> None:
        one, two, three = ListingId("1"), ListingId("2"), ListingId("3")
        async with store.transaction() as tx:
            await tx.add_listing_ids(A, [(one, LotId("a")), (two, LotId("b"))])
            await tx.add_listing_ids(A, [(two, LotId("b")), (three, LotId("c"))], created=True)
            await tx.add_listing_ids(A, [(three, LotId("c"))])
            await tx.add_listing_ids(B, [(one, LotId("d"))], created=True)
        async with store.transaction() as tx:
            assert set(await tx.created_among(A, [one, two, three])) == {two, three}
            assert set(await tx.created_among(A, [one])) == set()
            assert set(await tx.created_among(A, [])) == set()

    # Intents ---------------------------------------------------------------------------------------------------------

    async def test_open_intents_in_the_order_of_sending(self, store: Store) -> None:
        blank = replace(sample(Intent), seller_id=A, fate=Fate.OPEN, settled_at=None)
        later = replace(blank, intent_id=IntentId("a"), sent_at=NOW + SECOND)
        sooner = replace(blank, intent_id=IntentId("b"), sent_at=NOW, fate=Fate.UNKNOWN)
        closed = replace(blank, intent_id=IntentId("c"), fate=Fate.UNKNOWN, settled_at=NOW)
        other = replace(blank, intent_id=IntentId("d"), seller_id=B)
        async with store.transaction() as tx:
            for intent in (later, sooner, closed, other):
                await tx.add_intent(intent)
            assert await tx.open_intents(A) == [sooner, later]
            await tx.save_intent(replace(sooner, fate=Fate.APPLIED, settled_at=NOW))
        async with store.transaction() as tx:
            assert await tx.open_intents(A) == [later]

    # Orders ----------------------------------------------------------------------------------------------------------

    async def test_orders_are_found_by_seller_and_id(self, store: Store) -> None:
        one = replace(sample(OrderRow), seller_id=A, order_id=OrderId("1"))
        others = replace(one, seller_id=B, fingerprint="other")
        async with store.transaction() as tx:
            await tx.save_order(one)
            await tx.save_order(others)
            await tx.save_order(replace(one, fingerprint="changed"))
            assert await tx.find_orders(A, [OrderId("1"), OrderId("2")]) == {"1": replace(one, fingerprint="changed")}
            assert await tx.find_orders(A, []) == {}

    async def test_lines_are_found_by_order_listing_and_seller(self, store: Store) -> None:
        lines = [order_line("1", "20"), order_line("1", "10"), order_line("2", "10"), order_line("1", "10", B)]
        async with store.transaction() as tx:
            await tx.save_lines(lines)
            await tx.save_lines([])
            assert await tx.lines_of_order(A, OrderId("1")) == [lines[1], lines[0]]
            assert await tx.lines_of_seller(A) == [lines[1], lines[0], lines[2]]
            assert await tx.lines_of_listings(A, [ListingId("10")]) == [lines[1], lines[2]]
            assert await tx.lines_of_listings(A, []) == []
            await tx.save_lines([replace(lines[0], total=9)])
            assert [line.total for line in await tx.lines_of_listings(A, [ListingId("20")])] == [9]

    async def test_booked_after(self, store: Store) -> None:
        a, b, c = LotId("a"), LotId("b"), LotId("c")
        bookings = [(a, 1, 10), (a, 2, 20), (a, 3, 40), (b, 2, 5)]
        async with store.transaction() as tx:
            await tx.add_bookings([Booking(lot_id=lot_id, seq=seq, pieces=n) for lot_id, seq, n in bookings])
            await tx.add_bookings([])
        async with store.transaction() as tx:
            booked = await tx.booked_after({a: 1, b: 2, c: 0})
            assert {lot_id: pieces for lot_id, pieces in booked.items() if pieces} == {a: 60}
            assert await tx.booked_after({}) == {}

    # The shop as the census saw it -----------------------------------------------------------------------------------

    async def test_unowned_listings(self, store: Store) -> None:
        seen = [shop_listing("3", item=PLATE), shop_listing("1"), shop_listing("2"), shop_listing("1", B)]
        async with store.transaction() as tx:
            await tx.replace_shop_listings(A, [shop_listing("9"), seen[0]])
            await tx.replace_shop_listings(A, seen[:3])
            await tx.replace_shop_listings(B, seen[3:])
            await tx.add_listing_ids(A, [(ListingId("2"), LotId("a"))])
        async with store.transaction() as tx:
            assert await tx.unowned(A) == [seen[1], seen[0]]
            assert await tx.unowned(A, BRICK) == [seen[1]]
            assert await tx.unowned(B, PLATE) == []
            await tx.add_shop_listing(replace(seen[1], seen_at=NOW + SECOND))
            assert await tx.unowned(A, BRICK) == [replace(seen[1], seen_at=NOW + SECOND)]
            await tx.replace_shop_listings(A, [])
            assert await tx.unowned(A) == []

    # Budget ----------------------------------------------------------------------------------------------------------

    async def test_calls_are_never_counted_short_and_at_most_a_bucket_long(self, store: Store) -> None:
        window = 144 * BUCKET
        moments = [NOW + n * BUCKET / 4 for n in range(-40, 41)]
        async with store.transaction() as tx:
            for at in moments:
                await tx.charge(A, "day", at)
            await tx.charge(A, "minute", NOW)
            await tx.charge(B, "day", NOW)
        async with store.transaction() as tx:
            for since in (NOW - window, NOW - BUCKET, NOW, NOW + BUCKET / 3, NOW + 5 * BUCKET):
                counted = await tx.calls_since(A, "day", since)
                assert sum(at > since for at in moments) <= counted <= sum(at > since - BUCKET for at in moments)
            assert await tx.calls_since(A, "day", NOW + window) == 0
            assert await tx.calls_since(A, "minute", NOW - SECOND) == 1

    async def test_calls_of_the_whole_window_are_kept(self, store: Store) -> None:
        window = 144 * BUCKET
        async with store.transaction() as tx:
            for at in (NOW - window, NOW - window + BUCKET, NOW):
                await tx.charge(A, "day", at)
            await tx.charge(A, "day", NOW)
            assert await tx.calls_since(A, "day", NOW - window) >= 3

    # Out -------------------------------------------------------------------------------------------------------------

    async def test_events_go_out_in_order_and_only_with_the_transaction(
        self, store: Store, published: Published
    ) -> None:
        events: list[Event] = [
            replace(state_wished("shop", seller_id=A, request_id=f"wish {n}", seq=n), correlation_id=f"cause {n}")
            for n in range(1, 4)
        ]
        async with store.transaction() as tx:
            await tx.publish(events[:2])
            await tx.publish([])
        with pytest.raises(ZeroDivisionError):
            await fail_after(store, lambda tx: tx.publish(events[2:]))
        assert await published() == [
            (event.topic, event.key, event.message.SerializeToString(), event.correlation_id) for event in events[:2]
        ]
