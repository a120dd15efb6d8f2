"""What all who act in one seed's life share."""

from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from syncengine.listing import Item
from syncengine.rows.connection import ConnectionRow
from syncengine.settings import Settings
from syncengine.testing.clock import HandClock
from syncengine.testing.inventory import SELLER, Inventory
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.simulation.books import Books, Cause
from syncengine.testing.simulation.character import Character
from syncengine.testing.simulation.model import ShopModel
from syncengine.testing.simulation.network import Network
from syncengine.testing.simulation.schedule import Task

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Stage:
    """One seller, one shop, one inventory, one engine's database."""

    random: Random
    """What happens next."""
    engines_random: Random
    """What the engine draws."""
    clock: HandClock
    settings: Settings
    character: Character
    inventory: Inventory
    store: MemoryStore
    shop: ShopModel
    network: Network
    books: Books
    nobody_until: datetime | None = None
    """Until when every worker sleeps."""
    longest_sleep: timedelta = timedelta(0)
    """Of a worker until now: so long after it was charged may a read reach the shop."""
    struck: Counter[str] = field(default_factory=Counter)
    """How often each accident happened."""
    events: int = 0
    """What users, buyers, the seller's hands, accidents and messages did."""

    @property
    def connection(self) -> ConnectionRow:
        """The connection's row."""
        return self.store.tables.connections[SELLER]

    def blame_look_alikes(self, item: Item) -> None:
        """Lots of what a listing of nobody's is or was of: whose that is, and its orders, a person says (rule C2)."""
        if item in self.books.strange_items and any(stock.item == item for stock in self.inventory.lots.values()):
            self.books.blame_item(item, Cause.LOOK_ALIKE)


def at_once(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine that never pauses."""
    if Task("at once", work).step():
        raise AssertionError("it paused")
