"""What answers mean, as a table."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sync_brickowl.errors import outcome_of
from syncengine.marketplace import TURNED_AWAY, Gone, Halted, Later, Refused, Unknown
from syncengine.service.verdicts import Answered, Purpose, Verdict

READ, CREATE, CHANGE = Purpose.READ, Purpose.CREATE, Purpose.CHANGE


def said(words: str) -> dict[str, Any]:
    return {"error": {"status": words}}


@pytest.mark.parametrize(
    ("code", "body", "purpose", "expected"),
    [
        (200, {"status": "Success"}, CHANGE, Answered(data={"status": "Success"})),
        (200, [], READ, Answered(data=[])),
        (200, {"status": "queued"}, CHANGE, Unknown(reason="UNREADABLE_REPLY")),
        (200, [], CHANGE, Unknown(reason="UNREADABLE_REPLY")),
        (403, said("Invalid key"), READ, Halted(reason="WRONG_KEY")),
        (200, said("Invalid key"), CHANGE, Halted(reason="WRONG_KEY")),
        (403, said("no permission"), CHANGE, Halted(reason="NO_PERMISSION")),
        (400, said("Store not found, you may need to set list_type=customer"), READ, Halted(reason="NO_PERMISSION")),
        (404, said("Invalid BOID"), CREATE, Refused(reason="NO_SUCH_ITEM")),
        (400, said("771344 is scheduled for deletion"), CHANGE, Refused(reason="ITEM_IS_RETIRED")),
        (400, {"error": "Invalid price"}, CHANGE, Refused(reason="PRICE_REFUSED")),
        (200, said("something new"), CHANGE, Refused(reason="REFUSED")),
        (404, said("Lot not found"), CHANGE, Gone()),
        (400, said("Lot not found"), READ, Gone()),
        (200, said("lot not found"), CHANGE, Gone()),
        (429, said("Too many requests"), CREATE, Later(reason="QUOTA", after=timedelta(seconds=10))),
        (500, said("Oops"), CHANGE, Unknown(reason="SERVER_ERROR")),
        (500, said("Lot not found"), READ, Later(reason="SHOP_DOWN")),
        (503, {"status": "success"}, CHANGE, Unknown(reason="SERVER_ERROR")),
        (400, said("Invalid order_id"), READ, Later(reason="SHOP_DOWN")),
    ],
)
def test_answer_means(code: int, body: Any, purpose: Purpose, expected: Verdict) -> None:
    assert outcome_of(httpx.Response(code, content=json.dumps(body)), purpose) == expected


@pytest.mark.parametrize("code", [200, 302, 400, 403, 404, 500, 503])
def test_page_of_something_else_is_no_word_of_the_shop(code: int) -> None:
    response = httpx.Response(code, content="<html>Invalid key, lot not found</html>")
    reason = {500: "SERVER_ERROR", 503: TURNED_AWAY}.get(code, "UNREADABLE_REPLY")
    assert outcome_of(response, CHANGE) == Unknown(reason=reason)
    assert outcome_of(response, READ) == Later(reason="SHOP_DOWN")


def test_call_too_many_waits_as_long_as_the_shop_says() -> None:
    response = httpx.Response(429, content="{}", headers={"Retry-After": "7"})
    assert outcome_of(response, READ) == Later(reason="QUOTA", after=timedelta(seconds=7))
    assert outcome_of(httpx.Response(429, content="busy"), READ) == Later(reason="QUOTA", after=timedelta(seconds=10))


@pytest.mark.parametrize("content", ["", "NaN", "[" * 100_000, "\xff\xfe"])
def test_no_answer_breaks_the_reader(content: str) -> None:
    assert outcome_of(httpx.Response(200, content=content.encode("latin-1")), CREATE) == Unknown(
        reason="UNREADABLE_REPLY"
    )
