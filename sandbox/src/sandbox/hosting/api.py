"""The HTTP face of a marketplace's API: what happens to a request, whatever the marketplace.

A request passes, in this order: keys, quota, faults, the model, the journal, faults again, and the reply.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Generic

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.hosting.faults import ActiveFault, Fault
from sandbox.hosting.request_log import LoggedRequest
from sandbox.hosting.shops import HostT
from sandbox.model.errors import Refusal

NO_DATA = object()
_MAINTENANCE = "<!DOCTYPE html>\n<html><body><h1>We will be back soon</h1></body></html>\n"
_UNAVAILABLE = (
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n"
    "</html>\r\n"
)


class ConnectionGone(Exception):
    """Nobody will read the reply: the client left, a fault dropped the connection, or the server stops."""


@dataclass(frozen=True)
class Arrival(Generic[HostT]):
    """A request of which it is known whose shop is meant, not yet by what right."""

    host: HostT
    request: Request
    raw_body: bytes
    path: str  # below the root, still percent-encoded
    query: str  # without secrets
    body: Any  # what the log shows of it and faults match: without secrets
    admit: Callable[[LoggedRequest], None]
    """Lets it in and counts it, durably; raises Refusal."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a request gets to see."""

    shop: Any  # the live model; for stale answers a past one
    hidden: frozenset[int] = frozenset()  # lots or orders that a fault leaves out of lists
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A success: its code, and the data unless there is none."""

    code: int
    data: Any = NO_DATA


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer from before the API itself."""

    status: int
    text: str
    media_type: str
    retry_after: int | None = None


def too_many_requests(retry_after: int | None = None) -> Plain:
    """Return the plain HTTP answer to one call too many."""
    return Plain(429, "Too Many Requests", "text/plain", retry_after)


class ShopApi(ABC, Generic[HostT]):
    """The ASGI application of one marketplace's API; the methods below are its own way to say things."""

    @abstractmethod
    def identify(self, request: Request, raw_body: bytes) -> Arrival[HostT]:
        """Return whose request it is; raises Refusal."""

    @abstractmethod
    def do(self, arrival: Arrival[HostT], sight: Sight) -> Done:
        """Do what is asked; raises Refusal."""

    @abstractmethod
    def over_quota(self, arrival: Arrival[HostT], at: datetime) -> Refusal | Plain | None:
        """Return how a call over a limit is refused; None when it is not over any."""

    @abstractmethod
    def fault_error(self, arrival: Arrival[HostT], fault: Fault, caller_ip: str) -> Refusal:
        """Return the refusal that the effect `error` asks for."""

    @abstractmethod
    def success(self, arrival: Arrival[HostT], done: Done) -> Response:
        """Return the answer to what was done."""

    @abstractmethod
    def refusal(self, error: Refusal, host: HostT | None) -> Response:
        """Return the answer that says no; without a host nobody knows whose request it was."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the time for answers to nobody."""

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
            arrival = self.identify(request, raw_body)
        except Refusal as error:
            return _dated(self.refusal(error, None), self.now())
        host = arrival.host
        logged = host.log.arrive(
            time=host.now(), method=request.method, path=arrival.path, query=arrival.query, body=arrival.body
        )
        host.calls_in_progress += 1
        try:
            return _dated(await _Visit(self, arrival, logged).answer(), host.now())
        finally:
            host.calls_in_progress -= 1
            if logged.reply in {"pending", "withheld"}:
                logged.reply = "sent"
            host.save_request(logged)


class _Visit(Generic[HostT]):
    """One request of one shop, from the door to the reply."""

    def __init__(self, api: ShopApi[HostT], arrival: Arrival[HostT], logged: LoggedRequest) -> None:
        self._api = api
        self._arrival = arrival
        self._host = arrival.host
        self._request = arrival.request
        self._logged = logged

    async def answer(self) -> Response:
        """Return the reply; raises ConnectionGone when there is nobody to give it to."""
        host, logged = self._host, self._logged
        try:
            self._arrival.admit(logged)
        except Refusal as error:
            logged.auth = error.description.partition(":")[0]
            return self._refuse(error)
        limit = host.switches.parallel_limit
        if limit is not None and host.calls_in_progress > limit:
            return self._plain(Plain(503, _UNAVAILABLE, "text/html"))
        over = self._api.over_quota(self._arrival, logged.time)
        if over is not None:
            return self._plain(over) if isinstance(over, Plain) else self._refuse(over)
        active = host.faults.hit(logged.number, logged.method, logged.path, logged.body)
        if active is None:
            return self._apply(None)
        logged.fault = active.fault_id
        if active.fault.when == "before":
            return await self._suffer(active) or self._apply(active)
        applied = self._apply(active)
        return await self._suffer(active) or applied

    def _apply(self, active: ActiveFault[Any] | None) -> Response:
        """Do what is asked, durably; returns the reply."""
        logged = self._logged
        sight = Sight(self._host.shop)
        if active is not None:
            is_stale = active.fault.effect == "stale" and logged.method == "GET"
            shop = active.past if is_stale else self._host.shop
            sight = Sight(shop, frozenset(active.fault.ids), active.fault)
        with self._host.recorded(logged):
            try:
                done = self._api.do(self._arrival, sight)
            except Refusal as error:
                return self._refuse(error)
            if sight.fault is not None and sight.fault.effect == "empty_list" and isinstance(done.data, list):
                done = replace(done, data=[])
            logged.code, logged.description = done.code, None
            return self._api.success(self._arrival, done)

    async def _suffer(self, active: ActiveFault[Any]) -> Response | None:
        """Let the fault happen; returns the reply to give instead, or None to go on."""
        fault = active.fault
        match fault.effect:
            case "withhold" | "delay":
                await self._hold(active)
            case "drop":
                await self._drop()
            case "html_503":
                return self._plain(Plain(503, _UNAVAILABLE, "text/html"))
            case "html_200":
                return self._plain(Plain(200, _MAINTENANCE, "text/html"))
            case "http_429":
                return self._plain(too_many_requests(fault.retry_after))
            case "error":
                caller = self._request.client.host if self._request.client is not None else ""
                return self._refuse(self._api.fault_error(self._arrival, fault, caller))
            case "empty_list" | "stale" | "without_lots" | "without_orders" | "short_batch":
                pass  # these change what is seen or done, in _apply
        return None

    async def _hold(self, active: ActiveFault[Any]) -> None:
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

    def _refuse(self, error: Refusal) -> Response:
        self._logged.code = error.code
        self._logged.description = self._host.settings.keys.redact(error.words)
        return _retried_after(self._api.refusal(error, self._host), error.retry_after)

    def _plain(self, answer: Plain) -> Response:
        self._logged.code, self._logged.description = answer.status, None
        response = Response(answer.text, status_code=answer.status, media_type=answer.media_type)
        return _retried_after(response, answer.retry_after)


async def _client_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _retried_after(response: Response, seconds: int | None) -> Response:
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def _dated(response: Response, now: datetime) -> Response:
    response.headers["Date"] = format_datetime(now.astimezone(UTC), usegmt=True)
    return response
