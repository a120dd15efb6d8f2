"""The filters of list calls: comma lists whose values include, or with a `-` exclude (sections 3.2 and 4.1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.bricklink.bodies import ITEM_TYPES
from sandbox.bricklink.entities import Lot, Order
from sandbox.bricklink.errors import invalid
from sandbox.bricklink.switches import Switches
from sandbox.model.errors import refuse

STATUS_LETTERS = ("Y", "S", "B", "C", "N", "R")


@dataclass(frozen=True, slots=True)
class Filter:
    """Values that must, and values that must not be there; nothing included means everything."""

    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, text: str | None, known: Callable[[str], bool]) -> "Filter":
        """Read `Y,-S`; a value that is not known raises ShopError (400), letter case is free."""
        include: set[str] = set()
        exclude: set[str] = set()
        for word in (text or "").split(","):
            value = word.strip().upper()
            if value:
                chosen = exclude if value.startswith("-") else include
                bare = value.removeprefix("-")
                chosen.add(bare if known(bare) else refuse(invalid(name)))
        return cls(frozenset(include), frozenset(exclude))

    def admits(self, value: str, switches: Switches) -> bool:
        """Tell whether the value passes; what a mixture means is a switch."""
        if self.include and switches.mixed_filter == "include_wins":
            return value in self.include
        return value not in self.exclude and (not self.include or value in self.include)


@dataclass(frozen=True, slots=True)
class LotFilter:
    """The query of `GET /inventories`."""

    item_type: Filter = Filter()
    status: Filter = Filter()
    category_id: Filter = Filter()
    color_id: Filter = Filter()

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "LotFilter":
        """Read the query; raises ShopError (400)."""
        return cls(
            item_type=Filter.of("item_type", query.get("item_type"), lambda value: value in ITEM_TYPES),
            status=Filter.of("status", query.get("status"), lambda value: value in STATUS_LETTERS),
            category_id=Filter.of("category_id", query.get("category_id"), str.isdecimal),
            color_id=Filter.of("color_id", query.get("color_id"), str.isdecimal),
        )

    def admits(self, lot: Lot, switches: Switches) -> bool:
        """Tell whether the lot is asked for."""
        return (
            self.item_type.admits(lot.item.item_type, switches)
            and self.status.admits(status_letter(lot, switches), switches)
            and self.category_id.admits(str(lot.item.category_id), switches)
            and self.color_id.admits(str(lot.color_id), switches)
        )


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """The query of `GET /orders`."""

    direction: str = "in"
    filed: bool = False
    status: Filter = Filter()

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "OrderFilter":
        """Read the query; raises ShopError (400). Unknown status words are fine: BrickLink adds new ones."""
        direction, filed = query.get("direction", "in"), query.get("filed", "false")
        if direction not in {"in", "out"}:
            raise invalid("direction")
        if filed not in {"true", "false"}:
            raise invalid("filed")
        return cls(direction, filed == "true", Filter.of("status", query.get("status"), lambda _: True))

    def admits(self, order: Order, switches: Switches) -> bool:
        """Tell whether the order is asked for. `filed` separates two lists; this shop bought nothing itself."""
        return (
            self.direction == "in"
            and order.is_filed == self.filed
            and self.status.admits(order.status.upper(), switches)
        )


def status_letter(lot: Lot, switches: Switches) -> str:
    """Return the letter that the `status` filter knows the lot by (section 3.2)."""
    if lot.reserved_for:
        return "R"
    if lot.stock_room is not None:
        return {"A": "S", "B": "B", "C": "C"}[lot.stock_room]
    return "Y" if lot.quantity else switches.empty_retained_status
