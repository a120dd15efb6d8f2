"""Transactions, leases, and whose turn is next."""

# ruff: noqa: S101 - these are tests
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from syncengine.listing import LotId, SellerId
from syncengine.rows.connection import ConnectionRow
from syncengine.store.protocol import FencedError, Store, Transaction
from syncengine.testing.store_contract.scenery import NOW, SECOND, A, B, fail_after, lot_row, taken


class LeaseContract:
    """Transactions, leases, and whose turn is next."""

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
            assert await tx.shop_pinned_by("Stra\u00dfe", besides=B) is None
            await tx.save_connection(ConnectionRow(seller_id=A, pinned_name="Stra\u00dfe", enabled=True))
            assert await tx.shop_pinned_by("STRASSE", besides=B) == A
            assert await tx.shop_pinned_by("STRASSE", besides=A) is None

    async def test_shop_that_two_pinned_is_that_of_the_one_whose_pin_has_not_lapsed(self, store: Store) -> None:
        for holder, other in ((A, B), (B, A)):
            async with store.transaction() as tx:
                pinned = ConnectionRow(seller_id=holder, pinned_name="Shop", enabled=True)
                await tx.save_connection(pinned)
                await tx.save_connection(replace(pinned, seller_id=other, pin_lapsed=True))
                assert await tx.shop_pinned_by("Shop", besides=other) == holder
                assert await tx.shop_pinned_by("Shop", besides=holder) is None

    async def test_last_loss(self, store: Store) -> None:
        async with store.transaction() as tx:
            assert await tx.last_loss() is None
            await tx.note_loss(NOW)
            await tx.note_loss(NOW + SECOND)
        async with store.transaction() as tx:
            assert await tx.last_loss() == NOW + SECOND
