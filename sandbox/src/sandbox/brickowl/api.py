"""The HTTP face of the API: `/v1`, the key among the parameters, JSON without an envelope (section 1)."""

import ipaddress
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from sandbox.brickowl import batch
from sandbox.brickowl.endpoints import Call, answer
from sandbox.brickowl.errors import KEY_REFUSED, ShopError, invalid, invalid_key, no_right
from sandbox.brickowl.fields import required
from sandbox.brickowl.hosting import BATCHES, CALLS, HostedShop, Shops
from sandbox.brickowl.switches import Switches
from sandbox.hosting.api import Arrival, Done, Plain, ShopApi, Sight
from sandbox.hosting.faults import Fault
from sandbox.model.errors import Refusal

ROOT = "/v1"

_BATCH, _NOTIFY = "bulk/batch", "order/notify"
_FORM = "application/x-www-form-urlencoded"


class OwlApi(ShopApi[HostedShop]):
    """The ASGI application under `/v1`."""

    def __init__(self, shops: Shops, public_url: str | None = None) -> None:
        self._shops = shops

    def now(self) -> datetime:
        """Return the time by the machine's clock."""
        return self._shops.now()

    def identify(self, request: Request, raw_body: bytes) -> Arrival[HostedShop]:
        """Find the shop by the key, which is in the query of a GET and in the form of a POST."""
        params = _params(request, raw_body)
        host = self._shops.find_by_key(params.pop("key", ""))
        if host is None:
            raise invalid_key()
        path = request.scope["raw_path"].decode("ascii").removeprefix(ROOT)
        entries = _entries(params) if path.strip("/") == _BATCH else []
        calls = {CALLS: max(1, len(entries)) if host.switches.batch_counts == "each" else 1}
        if path.strip("/") == _BATCH:
            calls[BATCHES] = 1
        query = [(name, value) for name, value in parse_qsl(request.url.query, keep_blank_values=True) if name != "key"]
        return Arrival(
            host=host,
            request=request,
            raw_body=raw_body,
            path=path,
            query=urlencode(query),
            body=None if request.method == "GET" else entries or params,
            admit=lambda logged: host.charge(calls, logged.time),
        )

    def do(self, arrival: Arrival[HostedShop], sight: Sight) -> Done:
        """Do what is asked; raises ShopError."""
        host, method, endpoint = arrival.host, arrival.request.method, arrival.path.strip("/")
        params = _params(arrival.request, arrival.raw_body)
        del params["key"]
        match method, endpoint:
            case "POST", "bulk/batch" if host.switches.knows_batches:
                return Done(200, _run_batch(arrival.host, params, sight))
            case "POST", "order/notify":
                if "order" in host.switches.missing_rights:
                    raise no_right("order")
                host.notify(_address(params.get("ip", "")))
                return Done(200, {"status": host.switches.success_word})
        return Done(200, answer(method, endpoint, Call(sight.shop, params, host.now(), sight.hidden)))

    def over_quota(self, arrival: Arrival[HostedShop], at: datetime) -> Refusal | Plain | None:
        """Return the refusal of a call over the limit of all calls, or of batches (section 1.2)."""
        host, switches = arrival.host, arrival.host.switches
        seconds = host.seconds_over(CALLS, switches.calls_per_minute, at)
        if seconds is None and arrival.path.strip("/") == _BATCH:
            seconds = host.seconds_over(BATCHES, switches.batches_per_minute, at)
        if seconds is None:
            return None
        return ShopError(429, "Too many requests", retry_after=seconds if switches.send_retry_after else None)

    def fault_error(self, arrival: Arrival[HostedShop], fault: Fault, caller_ip: str) -> Refusal:
        """Return a refusal of choice; by default that of the key."""
        return ShopError(fault.code or 403, fault.message or KEY_REFUSED)

    def success(self, arrival: Arrival[HostedShop], done: Done) -> Response:
        """Return the values themselves."""
        return _json(done.code, done.data)

    def refusal(self, error: Refusal, host: HostedShop | None) -> Response:
        """Return an error with its HTTP status, unless the switch says 200 (9.1)."""
        switches = host.switches if host is not None else Switches()
        return _json(200 if switches.errors_as_http_200 else error.code, batch.error_body(error.words, switches))


def _run_batch(host: HostedShop, params: Mapping[str, str], sight: Sight) -> list[Any]:
    """Do the entries; a fault may cut them short, or only their answers."""
    entries = batch.read_entries(required(params, "requests"))
    fault = sight.fault if sight.fault is not None and sight.fault.effect == "short_batch" else None
    if fault is not None and fault.when == "before":
        entries = entries[: fault.entries]
    answers = batch.run(host.shop, entries, host.now())
    return answers if fault is None else answers[: fault.entries]


def _params(request: Request, raw_body: bytes) -> dict[str, str]:
    """Return the parameters, which a POST has in its form only; of several with one name the last."""
    if request.method == "GET":
        return dict(request.query_params)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return {}
    return dict(parse_qsl(raw_body.decode("utf-8", errors="replace"), keep_blank_values=True))


def _entries(params: Mapping[str, str]) -> list[Any]:
    try:
        return batch.read_entries(params.get("requests", ""))
    except ShopError:
        return []  # refused later, when it is its turn


def _address(ip: str) -> str:
    try:
        return str(ipaddress.ip_address(ip)) if ip else ""
    except ValueError:
        raise invalid("ip") from None


def _json(status: int, content: Any) -> Response:
    text = json.dumps(content, separators=(",", ":")).replace("/", "\\/")  # as PHP writes it
    return Response(text, status_code=status, media_type="application/json")
