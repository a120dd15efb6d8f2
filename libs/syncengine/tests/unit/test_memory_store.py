"""The store in memory keeps what every store keeps to."""

from collections.abc import Sequence

import pytest

from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.store_contract import Published, StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def published(self, store: MemoryStore) -> Published:
        async def read() -> Sequence[tuple[str, str, bytes, str]]:
            return [
                (event.topic, event.key, event.message.SerializeToString(), event.correlation_id)
                for event in store.tables.outbox
            ]

        return read
