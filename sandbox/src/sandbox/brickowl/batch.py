"""`bulk/batch`: several calls in one, each of which succeeds or fails by itself (section 3.5). Pure."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox.brickowl.endpoints import Call, answer
from sandbox.brickowl.errors import ShopError, invalid
from sandbox.brickowl.fields import as_params
from sandbox.brickowl.render import Json
from sandbox.brickowl.shop import Shop
from sandbox.brickowl.switches import Switches

MOST_ENTRIES = 50


def read_entries(text: str) -> list[Any]:
    """Return the entries of the parameter `requests`, which wraps them in an object; raises ShopError (400)."""
    try:
        document = json.loads(text)
    except ValueError:
        raise invalid("requests", "no JSON") from None
    entries = document.get("requests") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise invalid("requests", "an object with a list of requests")
    if len(entries) > MOST_ENTRIES:
        raise invalid("requests", f"more than {MOST_ENTRIES}")
    return entries


def run(shop: Shop, entries: Sequence[Any], now: datetime) -> list[Json]:
    """Do one entry after the other; returns their answers in this order, numbered from 1."""
    return [_answer_to(shop, entry, number, now) for number, entry in enumerate(entries, start=1)]


def error_body(error: str, switches: Switches) -> Json:
    """Return what an error says (section 1.1)."""
    return {"error": {"status": error} if switches.error_form == "object" else error}


def _answer_to(shop: Shop, entry: Any, number: int, now: datetime) -> Json:
    try:
        code, body = 200, _do(shop, entry, now)
    except ShopError as error:
        code, body = error.code, error_body(error.words, shop.switches)
    return {"req_num": number, "code": code, "body": body}


def _do(shop: Shop, entry: Any, now: datetime) -> Any:
    if not isinstance(entry, dict):
        raise invalid("requests", "each an object")
    params = entry.get("params", [{}])
    if not isinstance(params, list) or len(params) != 1:
        raise invalid("params", "a list of one object")
    method, endpoint = str(entry.get("request_method")), str(entry.get("endpoint"))
    return answer(method, endpoint, Call(shop, as_params(params[0]), now, in_batch=True))
