"""Orders that the API shows late: what every marketplace's order is built on."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionedOrder:
    """An order received. `earlier` is what the API shows until `listed_from`: the order lag (K2, K4, C4)."""

    order_id: int
    listed_from: datetime
    earlier: Self | None = None

    def shown(self, now: datetime) -> Self | None:
        """Return the version of this order that the API shows now; None while a new order is not listed yet."""
        order: Self | None = self
        while order is not None and order.listed_from > now:
            order = order.earlier
        return order

    def followed_by(self, later: Self, now: datetime, listed_from: datetime) -> Self:
        """Return `later`, which shows as this order until `listed_from`; versions out of sight are let go."""
        if listed_from <= now:
            return replace(later, listed_from=now, earlier=None)
        return replace(later, listed_from=listed_from, earlier=self._without_unseen(now))

    def _without_unseen(self, now: datetime) -> Self:
        if self.listed_from <= now or self.earlier is None:
            return replace(self, earlier=None)
        return replace(self, earlier=self.earlier._without_unseen(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Something happened to an order: what a shop lists as news, or pushes."""

    event_type: str
    resource_id: int
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line of an order to place: so many pieces of a lot."""

    lot_id: int
    quantity: int
