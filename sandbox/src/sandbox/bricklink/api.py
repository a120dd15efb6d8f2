"""The HTTP face of the Store API: `/api/store/v1`, signed requests in, envelopes out (sections 1 to 5)."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bricklink.bodies import decode_body
from sandbox.bricklink.errors import ShopError, bad_oauth, not_found
from sandbox.bricklink.filters import LotFilter, OrderFilter
from sandbox.bricklink.hosting import DAY, HostedShop, Shops
from sandbox.bricklink.oauth import Authorization, ip_mismatch
from sandbox.bricklink.render import Renderer
from sandbox.bricklink.shop import Shop
from sandbox.bricklink.switches import Switches
from sandbox.hosting.api import NO_DATA, Arrival, Done, Plain, ShopApi, Sight, too_many_requests
from sandbox.hosting.faults import Fault
from sandbox.model.errors import Refusal

ROOT = "/api/store/v1"

_MESSAGES = {200: "OK", 201: "OK_CREATED", 204: "OK_NO_CONTENT"}


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request, as the endpoints see it."""

    host: HostedShop
    shop: Shop  # the live one; for stale answers a past one
    query: dict[str, str]
    raw_body: bytes
    ids: dict[str, int]
    hidden: frozenset[int]  # lots or orders that a fault leaves out of lists

    @property
    def body(self) -> object:
        """The decoded JSON body; raises ShopError (400)."""
        return decode_body(self.raw_body)

    @property
    def render(self) -> Renderer:
        """Values as this shop shows them."""
        return Renderer(self.shop)


def _list_lots(call: Call) -> Done:
    lots = call.shop.list_lots(LotFilter.of(call.query))
    return Done(200, [call.render.lot(lot) for lot in lots if lot.lot_id not in call.hidden])


def _get_lot(call: Call) -> Done:
    return Done(200, call.render.lot(call.shop.get_lot(call.ids["lot"])))


def _create_lots(call: Call) -> Done:
    body, now = call.body, call.host.now()
    if not isinstance(body, list):
        return Done(201, call.render.lot(call.shop.create_lot(body, now)))
    created = call.shop.create_lots(body, now)
    if len(body) == len(created) == 1 and call.host.switches.one_element_array == "lot":
        return Done(201, call.render.lot(created[0]))
    return Done(201)


def _update_lot(call: Call) -> Done:
    return Done(200, call.render.lot(call.shop.update_lot(call.ids["lot"], call.body)))


def _delete_lot(call: Call) -> Done:
    call.shop.delete_lot(call.ids["lot"])
    return Done(204)


def _list_orders(call: Call) -> Done:
    orders = call.shop.list_orders(OrderFilter.of(call.query), call.host.now())
    return Done(200, [call.render.order_summary(order) for order in orders if order.order_id not in call.hidden])


def _get_order(call: Call) -> Done:
    return Done(200, call.render.order(call.shop.get_order(call.ids["order"], call.host.now())))


def _get_order_items(call: Call) -> Done:
    return Done(200, call.render.batches(call.shop.get_order(call.ids["order"], call.host.now())))


def _update_order(call: Call) -> Done:
    return Done(200, call.render.order(call.shop.update_order(call.ids["order"], call.body, call.host.now())))


def _update_order_status(call: Call) -> Done:
    call.shop.update_order_status(call.ids["order"], call.body, call.host.now())
    return Done(call.host.switches.status_put_answer)


def _read_notifications(call: Call) -> Done:
    return Done(200, call.render.notifications(call.shop.read_notifications()))


Endpoint = Callable[[Call], Done]

_LOT, _ORDER = r"/inventories/(?P<lot>[^/]+)", r"/orders/(?P<order>[^/]+)"
_PATHS: dict[str, dict[str, Endpoint]] = {
    "/inventories/?": {"GET": _list_lots, "POST": _create_lots},
    _LOT: {"GET": _get_lot, "PUT": _update_lot, "DELETE": _delete_lot},
    "/orders/?": {"GET": _list_orders},
    _ORDER: {"GET": _get_order, "PUT": _update_order},
    f"{_ORDER}/items": {"GET": _get_order_items},
    f"{_ORDER}/status": {"PUT": _update_order_status},
    "/notifications/?": {"GET": _read_notifications},
}


def _route(method: str, path: str) -> tuple[Endpoint, dict[str, int]]:
    """Return the endpoint and the ids in the path; raises ShopError (404, 405, 400)."""
    for pattern, endpoints in _PATHS.items():
        match = re.fullmatch(pattern, path)
        if match is None:
            continue
        if method not in endpoints:
            raise ShopError(405, "METHOD_NOT_ALLOWED", f"{method} is not allowed here")
        for text in match.groupdict().values():
            if not re.fullmatch(r"\d{1,18}", text):
                raise ShopError(400, "INVALID_URI", "The id is not a number")
        return endpoints[method], {name: int(text) for name, text in match.groupdict().items()}
    raise not_found("No such path")


class StoreApi(ShopApi[HostedShop]):
    """The ASGI application under `/api/store/v1`.

    `public_url` is what clients sign, where that is not what they connect to.
    """

    def __init__(self, shops: Shops, public_url: str | None = None) -> None:
        self._shops = shops
        self._public_url = public_url

    def now(self) -> datetime:
        """Return the time by the machine's clock."""
        return self._shops.now()

    def identify(self, request: Request, raw_body: bytes) -> Arrival[HostedShop]:
        """Find the shop by the consumer key."""
        authorization = self._read_authorization(request)
        host = self._shops.find_by_key(authorization.consumer_key)
        if host is None:
            raise bad_oauth(f"CONSUMER_KEY_UNKNOWN: {authorization.consumer_key}")
        caller_ip = request.client.host if request.client is not None else ""
        return Arrival(
            host=host,
            request=request,
            raw_body=raw_body,
            path=request.scope["raw_path"].decode("ascii").removeprefix(ROOT),
            query=authorization.query,
            body=_readable(raw_body),
            admit=lambda logged: host.admit(authorization, logged, caller_ip=caller_ip),
        )

    def do(self, arrival: Arrival[HostedShop], sight: Sight) -> Done:
        """Do what is asked; raises ShopError."""
        endpoint, ids = _route(arrival.request.method, arrival.path)
        self._check_content_type(arrival)
        self._check_owner(arrival.host, ids)
        return endpoint(
            Call(
                host=arrival.host,
                shop=sight.shop,
                query=dict(arrival.request.query_params),
                raw_body=arrival.raw_body,
                ids=ids,
                hidden=sight.hidden,
            )
        )

    def over_quota(self, arrival: Arrival[HostedShop], at: datetime) -> Refusal | Plain | None:
        """Return the refusal of a call over the daily limit, in the form that the switch names (10.6)."""
        host = arrival.host
        if host.counters[DAY].used(at, fixed=host.has_fixed_windows) <= host.switches.daily_limit:
            return None
        match host.switches.quota_refusal:
            case "http_429":
                return too_many_requests()
            case "http_429_retry_after":
                return too_many_requests(3600)
            case "envelope_429":
                return ShopError(429, "TOO_MANY_REQUESTS", "The daily limit of calls is exceeded")
            case "envelope_403":
                return ShopError(403, "PERMISSION_DENIED", "The daily limit of calls is exceeded")

    def fault_error(self, arrival: Arrival[HostedShop], fault: Fault, caller_ip: str) -> Refusal:
        """Return an envelope of choice; by default the refusal that holds the key (section 1.2)."""
        key = arrival.host.settings.keys.consumer_key
        if fault.description is None:
            description = ip_mismatch(key, caller_ip)
        else:
            description = fault.description.replace("{key}", key).replace("{ip}", caller_ip)
        return ShopError(fault.code or 401, fault.message or "BAD_OAUTH_REQUEST", description)

    def success(self, arrival: Arrival[HostedShop], done: Done) -> Response:
        """Return an envelope, or a true HTTP 204 for a delete if the switch says so (3.6)."""
        switches = arrival.host.switches
        if arrival.request.method == "DELETE" and switches.delete_answer == "no_content":
            return Response(status_code=204)
        return _envelope(done.code, _MESSAGES[done.code], _MESSAGES[done.code], done.data, switches)

    def refusal(self, error: Refusal, host: HostedShop | None) -> Response:
        """Return an envelope that says no."""
        message = error.message if isinstance(error, ShopError) else ""
        return _envelope(
            error.code, message, error.description, NO_DATA, host.switches if host is not None else Switches()
        )

    def _read_authorization(self, request: Request) -> Authorization:
        origin = self._public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
        url = origin.rstrip("/") + request.scope["raw_path"].decode("ascii")
        if query := request.scope["query_string"].decode("ascii"):
            url += f"?{query}"
        return Authorization.read(request.method, url, request.headers.get("authorization"))

    def _check_content_type(self, arrival: Arrival[HostedShop]) -> None:
        """A POST or PUT must say `application/json`, bare (section 1)."""
        if arrival.request.method not in {"POST", "PUT"}:
            return
        media_type = arrival.request.headers.get("content-type", "")
        if not arrival.host.switches.refuse_content_type_parameters:
            media_type = media_type.partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise ShopError(415, "UNSUPPORTED_MEDIA_TYPE", "The Content-Type must be application/json")

    def _check_owner(self, host: HostedShop, ids: dict[str, int]) -> None:
        """A lot of another seller is 404 like any unknown one, or 403: a switch (3.3)."""
        if host.switches.foreign_lot == 403 and "lot" in ids:
            owner = self._shops.find_owner(ids["lot"])
            if owner is not None and owner is not host:
                raise ShopError(403, "PERMISSION_DENIED", "This lot is not yours")


def _readable(raw_body: bytes) -> Any:
    if not raw_body:
        return None
    try:
        return json.loads(raw_body)
    except ValueError:
        return raw_body[:1000].decode("utf-8", errors="replace")


def _envelope(code: int, message: str, description: str, data: object, switches: Switches) -> Response:
    envelope: dict[str, object] = {"meta": {"code": code, "message": message, "description": description}}
    if data is not NO_DATA:
        envelope["data"] = data
    elif switches.empty_data != "missing":
        envelope["data"] = {} if switches.empty_data == "object" else None
    status = 200 if switches.errors_as_http_200 or code == 204 else code
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status_code=status, media_type="application/json")
