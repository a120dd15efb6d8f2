"""What the simulation learns over the store in memory holds over PostgreSQL: through whole days both answer alike."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from syncengine.absorb import begin_anew_after_loss
from syncengine.listing import Item, SellerId
from syncengine.rows.connection import Lease
from syncengine.store.postgres import PostgresStore, PostgresTransaction
from syncengine.store.protocol import FencedError
from syncengine.testing.memory_store import MemoryStore, MemoryTransaction
from syncengine.testing.shop import Fault
from syncengine.testing.store_contract.scenery import BUCKET
from syncengine.testing.world import World

from .conftest import Database

_INEXACT = {"calls_since", "charged"}
"""Bucketed in PostgreSQL: the contract says how far it may be off."""


class TwinTransaction:
    """Asks both transactions, and compares what they say."""

    def __init__(self, memory: MemoryTransaction, postgres: PostgresTransaction, asked: list[str]) -> None:
        self._memory = memory
        self._postgres = postgres
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        async def ask(*arguments: Any, **named: Any) -> Any:
            self._asked.append(name)
            expected = await getattr(self._memory, name)(*arguments, **named)
            answered = await getattr(self._postgres, name)(*arguments, **named)
            assert name in _INEXACT or plain(answered) == plain(expected), (name, arguments, named)
            return expected

        return ask


def plain(answer: Any) -> Any:
    """An answer without the differences that the protocol allows: kinds of collection, and sums of nothing."""
    if isinstance(answer, Mapping):
        return {key: plain(value) for key, value in answer.items() if value != 0}
    if isinstance(answer, set | frozenset):
        return set(answer)
    return list(answer) if isinstance(answer, list | tuple) else answer


class TwinStore(MemoryStore):
    """A store in memory and one in PostgreSQL that live through the same."""

    def __init__(self, postgres: PostgresStore) -> None:
        super().__init__()
        self.postgres = postgres
        self.asked: list[str] = []

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[Any]:
        if lease is not None:
            assert await self._fences(lease) == await self._postgres_fences(lease)
        async with self.postgres.transaction(lease) as there, super().transaction(lease) as here:
            yield TwinTransaction(here, there, self.asked)

    async def _fences(self, lease: Lease) -> bool:
        try:
            self._check(lease)
        except FencedError:
            return True
        return False

    async def _postgres_fences(self, lease: Lease) -> bool:
        try:
            async with self.postgres.transaction(lease):
                return False
        except FencedError:
            return True

    async def take_lease(self, seller_id: SellerId, owner: str, now: datetime, until: datetime) -> Lease | None:
        expected = await super().take_lease(seller_id, owner, now, until)
        assert await self.postgres.take_lease(seller_id, owner, now, until) == expected
        return expected

    async def release_lease(self, lease: Lease, now: datetime) -> None:
        await super().release_lease(lease, now)
        await self.postgres.release_lease(lease, now)

    async def next_due(self, owner: str, now: datetime) -> SellerId | None:
        expected = await super().next_due(owner, now)
        assert await self.postgres.next_due(owner, now) == expected
        return expected

    async def next_due_at(self) -> datetime | None:
        expected = await super().next_due_at()
        assert await self.postgres.next_due_at() == expected
        return expected


class Dead(Exception):
    """The process was killed."""


@pytest.mark.parametrize("seed", range(2))
async def test_both_stores_answer_alike_through_a_random_day(database: Database, seed: int) -> None:
    chance = Random(seed)
    world = World(seed)
    store = world.store = TwinStore(PostgresStore(database.engine, bucket=BUCKET))
    items = [Item(item_type="PART", number=str(n), color_id=1, condition="NEW", completeness="") for n in range(2)]
    await world.connect()
    await world.settle(timedelta(seconds=5))
    for step in range(250):
        match chance.choices(
            ["create", "edit", "sell", "fault", "live", "die", "lose", "wait"], [3, 6, 6, 1, 30, 1, 0.2, 4]
        )[0]:
            case "create":
                world.create(f"lot{step}", chance.randint(1, 20), chance.choice(items), note=f"lot{step}")
            case "edit" if world.inventory.lots:
                lot_id = chance.choice(sorted(world.inventory.lots))
                world.change(lot_id, by=chance.randint(-3, 5), price=f"0.{chance.randint(1000, 9999)}")
            case "sell" if len(world.shop.listings) > 1:  # an empty shop is not believed (rule C5)
                listing = chance.choice(sorted(world.shop.listings.values(), key=lambda each: each.listing_id))
                world.shop.buy(listing.listing_id, min(listing.quantity, chance.randint(1, 3)))
            case "fault":
                world.shop.write_faults.append(chance.choice([Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.REFUSE, None]))
            case "live":
                await world.deliver()
                await world.turn()
            case "die":
                store.before_commit = die
                with contextlib.suppress(Dead):
                    await world.turn()
                store.before_commit = lambda: None
            case "lose":
                async with store.transaction() as tx:
                    await begin_anew_after_loss(tx, world.clock.now())
            case "wait":
                world.clock.turn(timedelta(seconds=chance.randint(1, 8)))
    await world.settle(timedelta(minutes=1))
    assert world.shop.writes
    assert len(set(store.asked)) > 15


def die() -> None:
    raise Dead
