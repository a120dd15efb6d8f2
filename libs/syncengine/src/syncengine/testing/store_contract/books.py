"""Intents, orders, the shop as seen, calls, and what goes out."""

# ruff: noqa: S101 - these are tests
from dataclasses import replace

import pytest

from syncengine.events import Event, state_wished
from syncengine.listing import Group, ListingId, LotId, OrderId
from syncengine.marketplace import Create, Remove, Update, Write
from syncengine.plan import Tier
from syncengine.rows.connection import Spent
from syncengine.rows.intent import Fate, Intent, IntentId
from syncengine.rows.order import Booking, OrderRow
from syncengine.settings import Settings
from syncengine.store.protocol import AnsweredRequest, Store
from syncengine.testing.samples import sample
from syncengine.testing.store_contract.scenery import (
    BRICK,
    BUCKET,
    NOW,
    PLATE,
    SECOND,
    A,
    B,
    Published,
    fail_after,
    order_line,
    shop_listing,
)


class BookContract:
    """Intents, orders, the shop as seen, calls, and what goes out."""

    async def test_open_intents_in_the_order_of_sending(self, store: Store) -> None:
        blank = replace(sample(Intent), seller_id=A, fate=Fate.OPEN, settled_at=None)
        later = replace(blank, intent_id=IntentId("a"), sent_at=NOW + SECOND)
        sooner = replace(blank, intent_id=IntentId("b"), sent_at=NOW, fate=Fate.UNKNOWN)
        closed = replace(blank, intent_id=IntentId("c"), fate=Fate.UNKNOWN, settled_at=NOW)
        other = replace(blank, intent_id=IntentId("d"), seller_id=B)
        async with store.transaction() as tx:
            for intent in (later, sooner, closed, other):
                await tx.add_intents([intent])
            assert await tx.open_intents(A) == [sooner, later]
            await tx.save_intents([replace(sooner, fate=Fate.APPLIED, settled_at=NOW)])
        async with store.transaction() as tx:
            assert await tx.open_intents(A) == [later]

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
            assert await tx.ownerless_lines(A) == [lines[1], lines[0], lines[2]]
            assert await tx.lines_of_listings(A, [ListingId("10")]) == [lines[1], lines[2]]
            assert await tx.lines_of_listings(A, []) == []
            await tx.save_lines([replace(lines[0], total=9)])
            assert [line.total for line in await tx.lines_of_listings(A, [ListingId("20")])] == [9]
            await tx.save_lines([replace(lines[1], lot_id=LotId("lot"))])
            assert await tx.ownerless_lines(A) == [replace(lines[0], total=9), lines[2]]

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

    async def test_unowned_listings_page_by_page(self, store: Store) -> None:
        seen = [shop_listing(name) for name in ("1", "2", "3", "4")]
        async with store.transaction() as tx:
            await tx.replace_shop_listings(A, seen)
            await tx.replace_shop_listings(B, [shop_listing("5", B)])
            await tx.add_listing_ids(A, [(ListingId("2"), LotId("a"))])
            assert await tx.page_of_unowned(A, after=None, limit=2) == [seen[0], seen[2]]
            assert await tx.page_of_unowned(A, after=ListingId("1"), limit=9) == seen[2:]
            assert await tx.listed(A, [ListingId("2"), ListingId("5")]) == {"2": seen[1]}
            assert await tx.listed(A, []) == {}

    async def test_answered_requests_are_kept_by_seller(self, store: Store) -> None:
        kept = AnsweredRequest(request_id="one", digest=b"\x00\xff", answer=b"", answered_at=NOW)
        async with store.transaction() as tx:
            await tx.keep_answered(A, kept)
        async with store.transaction() as tx:
            assert await tx.find_answered(A, "one") == kept
            assert await tx.find_answered(B, "one") is None
            assert await tx.find_answered(A, "two") is None

    async def test_requests_of_long_ago_are_forgotten(self, store: Store) -> None:
        older, old = (
            AnsweredRequest(request_id=name, digest=b"", answer=b"", answered_at=at)
            for name, at in (("older", NOW), ("old", NOW + SECOND))
        )
        async with store.transaction() as tx:
            for seller_id, answered in ((A, older), (A, old), (B, older)):
                await tx.keep_answered(seller_id, answered)
        async with store.transaction() as tx:
            await tx.forget_answered(A, before=old.answered_at)
        async with store.transaction() as tx:
            assert [await tx.find_answered(A, name) for name in ("older", "old")] == [None, old]
            assert await tx.find_answered(B, "older") == older

    async def test_writes_are_counted_by_what_they_did(self, store: Store) -> None:
        listing, item = ListingId("1"), BRICK
        create = Create(item=item, quantity=1, for_sale=True, retain=False, fields={})
        writes: list[tuple[Write, tuple[Group, ...]]] = [
            (create, tuple(Group)),
            (Remove(listing_id=listing), (Group.QUANTITY,)),
            (Update(listing_id=listing, delta=-1), (Group.QUANTITY, Group.PRICE)),
            (Update(listing_id=listing, delta=1), (Group.QUANTITY,)),
            (Update(listing_id=listing, for_sale=False), (Group.QUANTITY,)),
            (Update(listing_id=listing, fields={"price": "1"}), (Group.PRICE, Group.TEXT)),
        ]
        blank = replace(sample(Intent), seller_id=A, sent_at=NOW)
        async with store.transaction() as tx:
            for number, (write, groups) in enumerate(writes):
                intent = replace(blank, intent_id=IntentId(str(number)), write=write, groups=groups)
                intent = replace(intent, stamp=NOW + number * SECOND)
                together = [replace(intent, intent_id=IntentId(f"{number} too"))] if write is create else []
                await tx.add_intents([intent, *together])
            await tx.add_intents([replace(intent, intent_id=IntentId("old"), sent_at=NOW - SECOND)])
            await tx.add_intents([replace(intent, intent_id=IntentId("other"), seller_id=B)])
            assert await tx.writes_since(A, NOW - SECOND) == {
                Tier.CREATE: 1,
                Tier.REMOVAL: 1,
                Tier.DECREASE: 2,
                Tier.INCREASE: 1,
                Tier.PRICE: 1,
            }

    async def test_creates_under_way_by_item(self, store: Store) -> None:
        blank = replace(sample(Intent), seller_id=A, sent_at=NOW, deadline=SECOND, settled_at=None, answered_at=None)
        items = [replace(BRICK, number=number) for number in ("1", "2", "3")]
        creates = [Create(item=item, quantity=1, for_sale=True, retain=False, fields={}) for item in items]
        made = [replace(blank, intent_id=IntentId(create.item.number), write=create) for create in creates]
        late = NOW + SECOND + Settings().late_window
        async with store.transaction() as tx:
            await tx.add_intents([made[0], replace(made[1], answered_at=NOW), replace(made[2], settled_at=NOW)])
            await tx.add_intents([replace(blank, write=Remove(listing_id=ListingId("7")))])
            assert await tx.creates_under_way(A, Settings()) == {
                items[0]: late,
                items[1]: NOW + Settings().answered_look_after,
            }
            assert await tx.creates_under_way(B, Settings()) == {}

    async def test_calls_are_never_counted_short_and_at_most_a_bucket_long(self, store: Store) -> None:
        window = 144 * BUCKET
        moments = [NOW + n * BUCKET / 4 for n in range(-40, 41)]
        async with store.transaction() as tx:
            for number, at in enumerate(moments):
                await tx.charge(A, "day", at, write=number % 3 == 0)
            await tx.charge(A, "minute", NOW, write=False)
            await tx.charge(B, "day", NOW, write=True)
        async with store.transaction() as tx:
            for since in (NOW - window, NOW - BUCKET, NOW, NOW + BUCKET / 3, NOW + 5 * BUCKET):
                counted = await tx.calls_since(A, "day", since)
                at_most = [at for at in moments if at > since - BUCKET]
                assert sum(at > since for at in moments) <= counted.calls <= len(at_most)
                assert sum(at > since for at in moments[::3]) <= counted.writes <= len(set(moments[::3]) & set(at_most))
                charged = await tx.charged(A, "day", since)
                assert sum((spent for _, spent in charged), Spent()) == counted
                assert [at for at, _ in charged] == sorted(at for at, _ in charged)
                assert all(since < at <= moments[-1] + BUCKET for at, _ in charged)
            assert await tx.calls_since(A, "day", NOW + window) == Spent()
            assert await tx.calls_since(A, "minute", NOW - SECOND) == Spent(1, 0)

    async def test_calls_of_the_whole_window_are_kept(self, store: Store) -> None:
        window = 144 * BUCKET
        async with store.transaction() as tx:
            for at in (NOW - window, NOW - window + BUCKET, NOW):
                await tx.charge(A, "day", at, write=True)
            await tx.charge(A, "day", NOW, write=True)
            assert (await tx.calls_since(A, "day", NOW - window)).writes >= 3

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
