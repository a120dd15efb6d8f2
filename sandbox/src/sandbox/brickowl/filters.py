"""What list calls may ask for (sections 3.1 and 4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.brickowl.catalog import TYPES
from sandbox.brickowl.entities import STATUSES, Lot, Order
from sandbox.brickowl.errors import invalid
from sandbox.brickowl.fields import Params, flag, number_of
from sandbox.brickowl.switches import Switches

_LIMIT, _MOST = 500, 5000
_LATEST = 253_402_300_799  # the end of the year 9999, in seconds since 1970


@dataclass(frozen=True, slots=True)
class LotFilter:
    """The query of `inventory/list`."""

    item_type: str | None = None
    active_only: bool = True
    external_id: str | None = None
    lot_id: int | None = None

    @classmethod
    def of(cls, params: Params) -> "LotFilter":
        """Read the query; raises ShopError (400)."""
        item_type = params.get("type") or None
        if item_type is not None and item_type not in TYPES:
            raise invalid("type")
        return cls(
            item_type=item_type,
            active_only=flag("active_only", params.get("active_only") or "1"),
            external_id=params.get("external_id_1") or None,
            lot_id=number_of(params, "lot_id") if params.get("lot_id") else None,
        )

    @property
    def is_for_one(self) -> bool:
        """Whether one lot is asked for by an id."""
        return self.external_id is not None or self.lot_id is not None

    def admits(self, lot: Lot, switches: Switches) -> bool:
        """Tell whether the lot is asked for."""
        hides_inactive = self.active_only and (switches.active_only_for_one or not self.is_for_one)
        return (
            (self.item_type is None or lot.item.item_type == self.item_type)
            and (self.external_id is None or lot.external_id == self.external_id)
            and (self.lot_id is None or lot.lot_id == self.lot_id)
            and not (hides_inactive and not (lot.for_sale and lot.quantity))
        )


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """The query of `order/list`."""

    status_id: int | None = None
    ordered_since: datetime | None = None
    changed_since: datetime | None = None
    limit: int = _LIMIT
    list_type: str | None = None
    by_update: bool = False

    @classmethod
    def of(cls, params: Params) -> "OrderFilter":
        """Read the query; raises ShopError (400)."""
        list_type, sort_by = params.get("list_type") or None, params.get("sort_by") or "created"
        if list_type not in {None, "store", "customer"}:
            raise invalid("list_type")
        if sort_by not in {"created", "updated"}:
            raise invalid("sort_by")
        return cls(
            status_id=known_status(params["status"]) if params.get("status") else None,
            ordered_since=_moment(params, "order_time"),
            changed_since=_moment(params, "update_time"),
            limit=number_of(params, "limit", otherwise=_LIMIT, most=_MOST),
            list_type=list_type,
            by_update=sort_by == "updated",
        )

    def of_shown(self, orders: Iterable[Order], switches: Switches) -> list[Order]:
        """Return those that are asked for, sorted and as many as asked for."""
        changed_since = self.changed_since if switches.knows_update_time else None
        meant = [
            order
            for order in orders
            if (self.status_id is None or order.status_id == self.status_id)
            and (self.ordered_since is None or order.ordered.replace(microsecond=0) >= self.ordered_since)
            and (changed_since is None or order.updated.replace(microsecond=0) >= changed_since)
        ]
        meant.sort(
            key=lambda order: (order.updated if self.by_update else order.ordered, order.order_id),
            reverse=switches.order_direction == "newest_first",
        )
        return meant[: self.limit]


def _moment(params: Params, name: str) -> datetime | None:
    if not params.get(name):
        return None
    return datetime.fromtimestamp(number_of(params, name, most=_LATEST), UTC)


def known_status(text: str) -> int:
    """Return the number of a status that goes by its name or number; raises ShopError (400)."""
    if text.isdecimal() and int(text) < len(STATUSES):
        return int(text)
    numbers = [number for number, name in enumerate(STATUSES) if name.casefold() == text.casefold()]
    if not numbers:
        raise invalid("status")
    return numbers[0]
