"""The HTTP face of the Store API: `/api/store/v1`, signed requests in, envelopes out (sections 1 to 5).

A request passes, in this order: signature, quota, faults, the model, the journal, faults again, and the reply.
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.bricklink.bodies import decode_body
from sandbox.bricklink.errors import ShopError, bad_oauth, not_found
from sandbox.bricklink.faults import ActiveFault
from sandbox.bricklink.filters import LotFilter, OrderFilter
from sandbox.bricklink.hosting import HostedShop, Shops
from sandbox.bricklink.oauth import Authorization
from sandbox.bricklink.render import Renderer
from sandbox.bricklink.request_log import LoggedRequest
from sandbox.bricklink.shop import Shop
from sandbox.bricklink.switches import Switches

ROOT = "/api/store/v1"

_MESSAGES = {200: "OK", 201: "OK_CREATED", 204: "OK_NO_CONTENT"}
_NO_DATA = object()
_UNAVAILABLE = (
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n"
    "</html>\r\n"
)


class ConnectionGone(Exception):
    """Nobody will read the reply: the client left, a fault dropped the connection, or the server stops."""


@dataclass(frozen=True, slots=True)
class Done:
    """A success: the envelope's code, and the data unless there is none."""

    code: int
    data: Any = _NO_DATA


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


class StoreApi:
    """The ASGI application under `/api/store/v1`.

    `public_url` is what clients sign, where that is not what they connect to.
    """

    def __init__(self, shops: Shops, public_url: str | None = None) -> None:
        self._shops = shops
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or leave its connection without a reply."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request, await request.body())
        except (ClientDisconnect, ConnectionGone):
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, raw_body: bytes) -> Response:
        try:
            authorization = self._read_authorization(request)
            host = self._shops.find_by_consumer_key(authorization.consumer_key)
            if host is None:
                raise bad_oauth(f"CONSUMER_KEY_UNKNOWN: {authorization.consumer_key}")
        except ShopError as error:
            return _refusal(error, Switches(), self._shops.now())
        logged = host.log.arrive(
            time=host.now(),
            method=request.method,
            path=request.scope["raw_path"].decode("ascii").removeprefix(ROOT),
            query=authorization.query,
            raw_body=raw_body,
        )
        host.calls_in_progress += 1
        try:
            return await _Visit(self._shops, host, request, logged, raw_body).answer(authorization)
        finally:
            host.calls_in_progress -= 1
            if logged.reply in {"pending", "withheld"}:
                logged.reply = "sent"
            host.save_request(logged)

    def _read_authorization(self, request: Request) -> Authorization:
        origin = self._public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
        url = origin.rstrip("/") + request.scope["raw_path"].decode("ascii")
        if query := request.scope["query_string"].decode("ascii"):
            url += f"?{query}"
        return Authorization.read(request.method, url, request.headers.get("authorization"))


class _Visit:
    """One request of one shop, from the door to the reply."""

    def __init__(
        self, shops: Shops, host: HostedShop, request: Request, logged: LoggedRequest, raw_body: bytes
    ) -> None:
        self._shops = shops
        self._host = host
        self._request = request
        self._logged = logged
        self._raw_body = raw_body
        self._caller_ip = request.client.host if request.client is not None else ""

    async def answer(self, authorization: Authorization) -> Response:
        """Return the reply; raises ConnectionGone when there is nobody to give it to."""
        host, logged = self._host, self._logged
        try:
            host.admit(authorization, logged, caller_ip=self._caller_ip)
        except ShopError as error:
            logged.auth = error.description.partition(":")[0]
            return self._refuse(error)
        limit = host.switches.parallel_limit
        if limit is not None and host.calls_in_progress > limit:
            return self._without_envelope(503, _UNAVAILABLE, "text/html")
        if host.calls.is_over(logged.time, host.switches):
            return self._over_quota()
        active = host.faults.hit(logged.number, logged.method, logged.path, logged.body)
        if active is None:
            return self._apply(None)
        logged.fault = active.fault_id
        if active.fault.when == "before":
            return await self._suffer(active) or self._apply(active)
        applied = self._apply(active)
        return await self._suffer(active) or applied

    def _apply(self, active: ActiveFault | None) -> Response:
        """Do what is asked, durably; returns the reply."""
        logged, switches = self._logged, self._host.switches
        fault = active.fault if active is not None else None
        stale = active is not None and active.fault.effect == "stale" and logged.method == "GET"
        with self._host.recorded(logged):
            try:
                endpoint, ids = _route(logged.method, logged.path)
                self._check_content_type()
                self._check_owner(ids)
                call = Call(
                    host=self._host,
                    shop=active.past if active is not None and stale else self._host.shop,
                    query=dict(self._request.query_params),
                    raw_body=self._raw_body,
                    ids=ids,
                    hidden=frozenset(fault.ids if fault is not None else ()),
                )
                done = endpoint(call)
            except ShopError as error:
                return self._refuse(error)
            data = done.data
            if fault is not None and fault.effect == "empty_list" and isinstance(data, list):
                data = []
            logged.code, logged.description = done.code, None
            if endpoint is _delete_lot and switches.delete_answer == "no_content":
                return Response(status_code=204, headers=self._headers())
            return _envelope(done.code, _MESSAGES[done.code], _MESSAGES[done.code], data, switches, self._headers())

    async def _suffer(self, active: ActiveFault) -> Response | None:
        """Let the fault happen; returns the reply to give instead, or None to go on."""
        fault = active.fault
        match fault.effect:
            case "withhold" | "delay":
                await self._hold(active)
            case "drop":
                await self._drop()
            case "html_503":
                return self._without_envelope(503, _UNAVAILABLE, "text/html")
            case "http_429":
                return self._without_envelope(429, "Too Many Requests", "text/plain", fault.retry_after)
            case "error":
                words = {"key": self._host.settings.keys.consumer_key, "ip": self._caller_ip}
                description = fault.description.replace("{key}", words["key"]).replace("{ip}", words["ip"])
                return self._refuse(ShopError(fault.code, fault.message, description))
            case "empty_list" | "stale" | "without_lots" | "without_orders":
                pass  # these change what is read, in _apply
        return None

    async def _hold(self, active: ActiveFault) -> None:
        """Withhold the reply until it is released, its time is up, or the client leaves."""
        fault, logged = active.fault, self._logged
        must_land = fault.effect == "delay" or (fault.lands_late and fault.when == "before")
        released = active.hold(logged.number)
        left: asyncio.Future[None] = asyncio.create_task(_client_left(self._request))
        logged.reply = "withheld"
        self._host.save_request(logged)
        try:
            async with asyncio.timeout(fault.seconds):
                await asyncio.wait((released, left), return_when=asyncio.FIRST_COMPLETED)
                if left.done():
                    logged.reply = "abandoned"
                    if not must_land:
                        raise ConnectionGone
                    await asyncio.wait((released,))
        except TimeoutError:
            pass  # released by time
        finally:
            left.cancel()
            active.let_go(logged.number)
        if released.done() and released.result() == "stopping":
            await self._drop()

    async def _drop(self) -> None:
        """Close the connection with nothing said."""
        self._logged.reply = "dropped"
        self._request.scope["state"]["transport"].abort()
        await _client_left(self._request)
        raise ConnectionGone

    def _over_quota(self) -> Response:
        match self._host.switches.quota_refusal:
            case "http_429":
                return self._without_envelope(429, "Too Many Requests", "text/plain")
            case "http_429_retry_after":
                return self._without_envelope(429, "Too Many Requests", "text/plain", 3600)
            case "envelope_429":
                return self._refuse(ShopError(429, "TOO_MANY_REQUESTS", "The daily limit of calls is exceeded"))
            case "envelope_403":
                return self._refuse(ShopError(403, "PERMISSION_DENIED", "The daily limit of calls is exceeded"))

    def _check_content_type(self) -> None:
        """A POST or PUT must say `application/json`, bare (section 1)."""
        if self._logged.method not in {"POST", "PUT"}:
            return
        media_type = self._request.headers.get("content-type", "")
        if not self._host.switches.refuse_content_type_parameters:
            media_type = media_type.partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise ShopError(415, "UNSUPPORTED_MEDIA_TYPE", "The Content-Type must be application/json")

    def _check_owner(self, ids: dict[str, int]) -> None:
        """A lot of another seller is 404 like any unknown one, or 403: a switch (3.3)."""
        if self._host.switches.foreign_lot == 403 and "lot" in ids:
            owner = self._shops.find_owner(ids["lot"])
            if owner is not None and owner is not self._host:
                raise ShopError(403, "PERMISSION_DENIED", "This lot is not yours")

    def _refuse(self, error: ShopError) -> Response:
        self._logged.code = error.code
        self._logged.description = self._host.settings.keys.redact(f"{error.message}: {error.description}")
        return _refusal(error, self._host.switches, self._host.now())

    def _without_envelope(self, status: int, text: str, media_type: str, retry_after: int | None = None) -> Response:
        self._logged.code, self._logged.description = status, None
        headers = self._headers()
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return Response(text, status_code=status, media_type=media_type, headers=headers)

    def _headers(self) -> dict[str, str]:
        return _date(self._host.now())


async def _client_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _date(now: datetime) -> dict[str, str]:
    return {"Date": format_datetime(now.astimezone(UTC), usegmt=True)}


def _refusal(error: ShopError, switches: Switches, now: datetime) -> Response:
    return _envelope(error.code, error.message, error.description, _NO_DATA, switches, _date(now))


def _envelope(
    code: int, message: str, description: str, data: object, switches: Switches, headers: dict[str, str]
) -> Response:
    envelope: dict[str, object] = {"meta": {"code": code, "message": message, "description": description}}
    if data is not _NO_DATA:
        envelope["data"] = data
    elif switches.empty_data != "missing":
        envelope["data"] = {} if switches.empty_data == "object" else None
    status = 200 if switches.errors_as_http_200 or code == 204 else code
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status_code=status, media_type="application/json", headers=headers)
