"""A shop of Brick Owl's sandbox with the adapter before it, for tests of the adapter alone and with the engine."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.testing import OwlShopControl
from sync_brickowl.client import BrickOwl
from syncengine.marketplace import Ticket
from syncengine.testing.clock import HandClock


@dataclass
class Sandbox:
    """A shop, the adapter with its key, and the side doors to it."""

    control: OwlShopControl
    shop: BrickOwl
    key: str
    clock: HandClock
    _stamps: list[datetime] = field(default_factory=list)

    def ticket(self, deadline: float = 20) -> Ticket:
        """Stamps rise strictly (rule B4)."""
        step = self.shop.facts.stamp_step
        last = self._stamps[-1] if self._stamps else self.clock.now() - step
        self._stamps.append(max(self.clock.now(), last + step))
        return Ticket(stamp=self._stamps[-1], deadline=timedelta(seconds=deadline))
