"""What a Brick Owl shop does with lots (section 3), pure; `shop.py` adds its orders."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sandbox.brickowl.catalog import COLORABLE, COLORED, Catalog, Item, boid_with_color, conditions_of
from sandbox.brickowl.entities import Lot, Order
from sandbox.brickowl.errors import ShopError, invalid, missing, not_found, retired, unknown_item
from sandbox.brickowl.fields import (
    Params,
    as_params,
    condition,
    external_id,
    number_of,
    price,
    read_changes,
    required,
    whole,
)
from sandbox.brickowl.filters import LotFilter
from sandbox.brickowl.switches import Switches
from sandbox.model.books import Books
from sandbox.model.errors import refuse

_IDENTIFIERS = ("lot_id", "external_id")


class Stock(Books[Lot, Order]):
    """The lots of one shop, and the rules that they follow."""

    switches: Switches
    catalog: Catalog
    _cached: tuple[datetime, Mapping[int, Lot]] | None = None

    # ---- What the API can do ----

    def list_lots(self, asked: LotFilter, now: datetime) -> list[Lot]:
        """Return the lots that are asked for, by id (3.1); raises ShopError for one that is not there, if switched."""
        lots = [lot for lot in self._listed(now).values() if asked.admits(lot, self.switches)]
        if asked.is_for_one and not lots and self.switches.empty_hit == "error":
            raise not_found(self.switches.unknown_id_code, "Lot")
        return lots

    def get_lot(self, lot_id: int) -> Lot:
        """Return one lot; raises ShopError when it was deleted, or never was."""
        return self.lots.get(lot_id) or refuse(not_found(self.switches.unknown_id_code, "Lot"))

    def create_lot(self, params: Params) -> Lot:
        """Create a lot (3.2); one equal to another adds to it, if switched."""
        lot = self._new_lot(params, quantity=whole("quantity", required(params, "quantity"), least=1))
        if self.switches.create_extra == "apply":
            lot = self._with(lot, read_changes(params, self.switches))
        if self.switches.equal_lots == "merge":
            for other in self.lots.values():
                if _are_equal(lot, other):
                    return self._keep(replace(other, quantity=other.quantity + lot.quantity))
        return self._put_up(lot)

    def update_lot(self, params: Params) -> Lot:
        """Change the lot that exactly one identifier names (3.3)."""
        identifiers = [name for name in _IDENTIFIERS if params.get(name)]
        tag = {}
        if len(identifiers) > 1 and self.switches.both_identifiers == "tag":
            tag = {"update_external_id_1": params["external_id"]}
            params = {name: value for name, value in params.items() if name != "external_id"}
        lot = self._named(params)
        if len(params) + len(tag) < 2:
            raise ShopError(400, "Nothing to update")
        self._check_alive(lot.item, lot.color_id)
        changed = self._with(lot, read_changes({**params, **tag}, self.switches))
        if self.switches.update_color == "recolor" and params.get("color_id"):
            changed = self._colored(changed, number_of(params, "color_id"))
        return self._keep(replace(changed, quantity=self._quantity(lot, params)))

    def remove_lot(self, params: Params) -> Lot:
        """Remove the lot that exactly one identifier names, for good (3.4)."""
        lot = self._named(params)
        self._remove(lot)
        return lot

    # ---- What the seller can do on the website ----

    def put_up_lot(self, body: object, now: datetime) -> Lot:
        """Create a lot with all its fields, also one with no pieces."""
        params = as_params(body)
        lot = self._new_lot(params, quantity=whole("quantity", required(params, "quantity"), least=0))
        return self._put_up(self._edited(lot, params))

    def edit_lot(self, lot_id: int, body: object) -> Lot:
        """Change any field: `quantity` is absolute; also `external_id`, `color_id`, and `reserve_uid` (0 frees it)."""
        params, lot = as_params(body), self.get_lot(lot_id)
        if params.get("color_id"):
            lot = self._colored(lot, number_of(params, "color_id"))
        if "quantity" in params:
            lot = replace(lot, quantity=whole("quantity", params["quantity"], least=0))
        return self._keep(self._edited(lot, params))

    def delete_lot(self, lot_id: int) -> None:
        """Remove a lot."""
        self._remove(self.get_lot(lot_id))

    # ---- Rules shared by the above ----

    def _listed(self, now: datetime) -> Mapping[int, Lot]:
        """Return the lots as a list shows them now, which a cache may hold back."""
        seconds = self.switches.list_cache_seconds
        if not seconds:
            return self.lots
        if self._cached is None or now - self._cached[0] >= timedelta(seconds=seconds):
            self._cached = now, dict(self.lots)
        return self._cached[1]

    def _named(self, params: Params) -> Lot:
        """Return the lot that the parameters name; raises ShopError."""
        identifiers = [name for name in _IDENTIFIERS if params.get(name)]
        if not identifiers:
            raise missing("lot_id")
        if len(identifiers) > 1:
            raise invalid("external_id", "only one of lot_id and external_id")
        if identifiers == ["lot_id"]:
            return self.get_lot(number_of(params, "lot_id"))
        named = [lot for lot in self.lots.values() if lot.external_id == params["external_id"]]
        if not named:
            raise not_found(self.switches.unknown_id_code, "Lot")
        if len(named) > 1 and self.switches.shared_external_id == "refuse":
            raise invalid("external_id", "not unique")
        return named[0]

    def _new_lot(self, params: Params, *, quantity: int) -> Lot:
        """Check what a create must have; the lot's id is given when it is put up."""
        boid, _, suffix = required(params, "boid").partition("-")
        item = self.catalog.find(boid) or refuse(unknown_item())
        if "color_id" in params or suffix:
            color_id: int | None = number_of(params if "color_id" in params else {"color_id": suffix}, "color_id")
        else:
            color_id = None
        if color_id is not None and item.item_type not in COLORABLE:
            raise invalid("color_id", f"not for {item.item_type}")
        if color_id is None and item.item_type in COLORED:
            raise missing("color_id")
        self._check_alive(item, color_id)
        given = params.get("external_id") or ""
        lot = Lot(
            lot_id=0,
            item=item,
            color_id=None,
            color_name="",
            condition=condition("condition", required(params, "condition")),
            quantity=quantity,
            base_price=price("price", required(params, "price")),
        )
        lot = self._with(lot, {"external_id": external_id("external_id", given, self.switches)})
        return lot if color_id is None else self._colored(lot, color_id)

    def _edited(self, lot: Lot, params: Params) -> Lot:
        changes = read_changes(params, self.switches)
        if "external_id" in params:
            changes["external_id"] = external_id("external_id", params["external_id"], self.switches)
        if "reserve_uid" in params:
            changes["reserve_uid"] = number_of(params, "reserve_uid") or None
        return self._with(lot, changes)

    def _with(self, lot: Lot, changes: Mapping[str, Any]) -> Lot:
        """Return the changed lot; raises ShopError where it breaks a rule."""
        lot = replace(lot, **changes)
        if lot.condition not in conditions_of(lot.item.item_type):
            raise invalid("condition", f"not for {lot.item.item_type}")
        if self.switches.unique_external_ids and self._is_taken(lot):
            raise invalid("external_id", "not unique")
        if self.switches.tier_rule == "falling":
            prices = [lot.base_price, *(amount for _, amount in lot.tiers)]
            if any(cheaper >= dearer for dearer, cheaper in pairwise(prices)):
                raise invalid("tier_price", "prices must fall")
        return lot

    def _is_taken(self, lot: Lot) -> bool:
        others = (other for other in self.lots.values() if other.lot_id != lot.lot_id)
        return lot.external_id != "" and any(other.external_id == lot.external_id for other in others)

    def _colored(self, lot: Lot, color_id: int) -> Lot:
        color = self.catalog.colors.get(color_id) or refuse(invalid("color_id"))
        return replace(lot, color_id=color_id, color_name=color.name)

    def _check_alive(self, item: Item, color_id: int | None) -> None:
        for boid in (item.boid, boid_with_color(item.boid, color_id)):
            if boid in self.switches.retired_boids:
                raise retired(boid)

    def _quantity(self, lot: Lot, params: Params) -> int:
        """Return the quantity after an update (3.3)."""
        has_absolute, has_relative = "absolute_quantity" in params, "relative_quantity" in params
        if has_absolute and has_relative:
            if self.switches.both_quantities == "refuse":
                raise invalid("relative_quantity", "only one of both quantities")
            has_absolute, has_relative = (self.switches.both_quantities == mode for mode in ("absolute", "relative"))
        if has_absolute:
            return whole("absolute_quantity", params["absolute_quantity"], least=0)
        if not has_relative:
            return lot.quantity
        quantity = lot.quantity + whole("relative_quantity", params["relative_quantity"], least=-(10**9))
        if quantity < 0 and self.switches.below_zero == "refuse":
            raise invalid("relative_quantity", "below zero")
        return max(0, quantity)

    def _put_up(self, lot: Lot) -> Lot:
        return self._keep(replace(lot, lot_id=self._new_lot_id()))


def _are_equal(lot: Lot, other: Lot) -> bool:
    return (lot.boid, lot.condition, lot.base_price) == (other.boid, other.condition, other.base_price)
