"""Every call of the API by method and path, pure: parameters in, values out. HTTP and batches both come here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast, get_args

from sandbox.brickowl.catalog import CONDITIONS, TYPES, Color, boid_with_color
from sandbox.brickowl.errors import ShopError, invalid, no_right, unknown_item
from sandbox.brickowl.fields import Params, number_of, required, whole
from sandbox.brickowl.filters import LotFilter, OrderFilter
from sandbox.brickowl.render import Json, Renderer, answered
from sandbox.brickowl.shop import Shop
from sandbox.brickowl.switches import Area
from sandbox.model.errors import refuse

_MOST_BOIDS = 100
_MOST_LOOKED_UP_COLORS = 3
_LONGEST_COMMENT = 120


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as the endpoints see it."""

    shop: Shop
    params: Params
    now: datetime
    hidden: frozenset[int] = frozenset()  # lots or orders that a fault leaves out of lists
    in_batch: bool = False

    @property
    def render(self) -> Renderer:
        """Values as this shop shows them."""
        return Renderer(self.shop)


Endpoint = Callable[[Call], Any]


def answer(method: str, endpoint: str, call: Call) -> Any:
    """Do what is asked of `inventory/update` and the like; returns what the JSON holds. Raises ShopError."""
    area = endpoint.partition("/")[0]
    if area in get_args(Area) and cast("Area", area) in call.shop.switches.missing_rights:
        raise no_right(area)
    function = _ENDPOINTS.get((method, endpoint))
    if function is None:
        raise ShopError(404, "Endpoint not found")
    return answered(function(call), call.shop.switches)


def _success(call: Call, **more: Any) -> Json:
    return {"status": call.shop.switches.success_word, **more}


def _list_lots(call: Call) -> Any:
    lots = [lot for lot in call.shop.list_lots(LotFilter.of(call.params), call.now) if lot.lot_id not in call.hidden]
    rendered = list(map(call.render.lot, lots))
    return {"inventory": rendered} if call.shop.switches.list_form == "object" else rendered


def _create_lot(call: Call) -> Any:
    if call.in_batch and call.shop.switches.batch_creates == "refused":
        raise ShopError(400, "Endpoint not supported")
    return _success(call, lot_id=call.shop.create_lot(call.params).lot_id)


def _update_lot(call: Call) -> Any:
    is_plain = call.params.keys() - {"lot_id", "external_id"} == {"absolute_quantity"}
    if call.in_batch and call.shop.switches.batch_fields == "absolute_quantity_only" and not is_plain:
        return _success(call)  # in word only (section 3.5)
    call.shop.update_lot(call.params)
    return _success(call)


def _delete_lot(call: Call) -> Any:
    call.shop.remove_lot(call.params)
    return _success(call)


def _list_orders(call: Call) -> Any:
    orders, render = call.shop.list_orders(OrderFilter.of(call.params), call.now), call.render.order_summary
    return [render(order) for order in orders if order.order_id not in call.hidden]


def _view_order(call: Call) -> Any:
    order = call.shop.get_order(number_of(call.params, "order_id"), call.now)
    rendered = call.render.order(order)
    if call.shop.switches.items_in_order and call.params.get("include_items") == "1":
        rendered["items"] = call.render.order_items(order)
    return rendered


def _list_order_items(call: Call) -> Any:
    return call.render.order_items(call.shop.get_order(number_of(call.params, "order_id"), call.now))


def _set_order_status(call: Call) -> Any:
    call.shop.update_order_status(call.params, call.now)
    return _success(call)


def _set_note(call: Call) -> Any:
    call.shop.update_order(call.params, call.now, seller_note=call.params.get("note", ""))
    return _success(call)


def _set_tracking(call: Call) -> Any:
    call.shop.update_order(call.params, call.now, tracking_number=required(call.params, "tracking_id"))
    return _success(call)


def _leave_feedback(call: Call) -> Any:
    whole("rating", required(call.params, "rating"), least=-1, most=1)
    if len(call.params.get("comment", "")) > _LONGEST_COMMENT:
        raise invalid("comment")
    call.shop.update_order(call.params, call.now, has_feedback=True)
    return _success(call)


def _list_tax_schemes(call: Call) -> Any:
    return []


def _look_up_id(call: Call) -> Any:
    item_type = required(call.params, "type")
    if item_type not in TYPES:
        raise invalid("type")
    catalog = call.shop.catalog
    bare = catalog.lookup(required(call.params, "id"), item_type, call.params.get("id_type") or None)
    if call.shop.switches.lookup_form == "bare" or item_type != "Part":
        return {"boids": bare}
    colors = [color for color in catalog.colors if color][:_MOST_LOOKED_UP_COLORS]
    return {"boids": [*(boid_with_color(boid, color) for boid in bare for color in colors), *bare]}


def _look_up(call: Call) -> Any:
    return _catalog_entry(call, required(call.params, "boid"))


def _look_up_many(call: Call) -> Any:
    boids = required(call.params, "boids").split(",")
    if len(boids) > _MOST_BOIDS:
        raise invalid("boids", f"more than {_MOST_BOIDS}")
    entries = {boid: _catalog_entry(call, boid) for boid in boids}
    match call.shop.switches.bulk_lookup_form:
        case "items":
            return {"items": entries}
        case "keyed":
            return entries
    return list(entries.values())


def _catalog_entry(call: Call, boid: str) -> Json:
    base, _, suffix = boid.partition("-")
    item = call.shop.catalog.find(base) or refuse(unknown_item())
    color = call.shop.catalog.colors.get(int(suffix)) if suffix.isdecimal() else None
    if suffix and color is None:
        raise unknown_item()
    own = [{"id": boid if kind == "boid" else number, "type": kind} for number, kind in item.ids]
    return {
        "boid": boid,
        "name": item.name,
        "type": item.item_type,
        "url": f"https://shop.example/boid/{boid}",
        "permalink": f"https://shop.example/boid/{boid}",
        "cat_name_path": item.item_type,
        "cheapest_gbp": None,
        "color_name": color.name if color is not None else None,
        "color_id": color.color_id if color is not None else None,
        "color_hex": color.rgb if color is not None else None,
        "missing_data": [],
        "images": [],
        "ids": own,
    }


def _list_colors(call: Call) -> Any:
    return {str(color.color_id): _color(color) for color in call.shop.catalog.colors.values()}


def _color(color: Color) -> Json:
    return {
        "id": color.color_id,
        "name": color.name,
        "hex": color.rgb,
        "peeron_names": [None],
        "ldraw_ids": list(color.ldraw_ids),
        "bl_ids": list(color.bricklink_ids),
        "bl_names": list(color.bricklink_names),
        "lego_colors": [{"lego_id": lego_id, "raw_name": color.name} for lego_id in color.lego_ids],
    }


def _list_conditions(call: Call) -> Any:
    return [{"id": code, "name": name} for code, name in CONDITIONS.items()]


def _show_token(call: Call) -> Any:
    shop = call.shop
    has_store = shop.switches.has_store
    store = {
        "store_id": shop.store_id,
        "name": f"{shop.seller_name} Store",
        "slogan": "",
        "base_currency": shop.currency,
        "country": "DE",
        "url": f"http://{shop.seller_name}.example",
        "last_inventory_update": call.now,
        "feedback_count": 0,
        "minimum_order": None,
        "minimum_lot_average": None,
        "open": True,
    }
    return {
        "username": shop.seller_name,
        "uid": 100_000 + shop.store_id,
        "has_store": has_store,
        "store_details": store if has_store else {},
    }


_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "inventory/list"): _list_lots,
    ("POST", "inventory/create"): _create_lot,
    ("POST", "inventory/update"): _update_lot,
    ("POST", "inventory/delete"): _delete_lot,
    ("GET", "order/list"): _list_orders,
    ("GET", "order/view"): _view_order,
    ("GET", "order/items"): _list_order_items,
    ("POST", "order/set_status"): _set_order_status,
    ("POST", "order/note"): _set_note,
    ("POST", "order/tracking"): _set_tracking,
    ("POST", "order/feedback"): _leave_feedback,
    ("GET", "order/tax_schemes"): _list_tax_schemes,
    ("GET", "catalog/id_lookup"): _look_up_id,
    ("GET", "catalog/lookup"): _look_up,
    ("GET", "catalog/bulk_lookup"): _look_up_many,
    ("GET", "catalog/color_list"): _list_colors,
    ("GET", "catalog/condition_list"): _list_conditions,
    ("GET", "token/details"): _show_token,
}
