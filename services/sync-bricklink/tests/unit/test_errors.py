"""What answers mean: the one table of outcomes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sync_bricklink.errors import outcome_of
from syncengine.marketplace import TURNED_AWAY, Gone, Halted, Later, Refused, Unknown
from syncengine.service.verdicts import Answered, Purpose, Verdict

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
DATE = "Sun, 01 Nov 2026 12:00:00 GMT"
WRITES = (Purpose.CREATE, Purpose.CHANGE)


def envelope(
    code: object, description: str = "", *, status: int = 200, headers: Mapping[str, str] = {}, **data: Any
) -> httpx.Response:
    document = {"meta": {"code": code, "message": "WORD", "description": description}, **data}
    return httpx.Response(status, json=document, headers={"Date": DATE, **headers})


def page(status: int, body: str = "<html>no</html>", headers: Mapping[str, str] = {}) -> httpx.Response:
    return httpx.Response(status, html=body, headers=headers)


def verdict(response: httpx.Response, purpose: Purpose = Purpose.CHANGE, stamp: datetime = NOW) -> Verdict:
    return outcome_of(response, purpose, stamp=stamp)


# done -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("code", [200, 201, 204, "200", "201"])
def test_envelope_of_success_is_done_whatever_the_status(code: object, purpose: Purpose) -> None:
    for status in (200, 201, 500):
        assert verdict(envelope(code, status=status, data={"a": 1}), purpose) == Answered(data={"a": 1})


@pytest.mark.parametrize("response", [envelope(204, data=None), envelope(204), httpx.Response(204)])
def test_delete_may_be_answered_with_or_without_a_body(response: httpx.Response) -> None:
    assert verdict(response) == Answered(data=None)


def test_numbers_with_a_point_are_never_floats() -> None:
    response = httpx.Response(200, content=b'{"meta": {"code": 200}, "data": 0.1}')

    assert verdict(response) == Answered(data=Decimal("0.1"))


# certainly not done ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("code", "description", "reason"),
    [
        (400, "Parameter [is_retain] is missing", "FIELD_MISSING_OR_INVALID"),
        (400, "String input must not be null", "TEXT_MISSING"),
        (400, "Unparseable value or field: [item.categoryID.]", "FIELD_UNREADABLE"),
        (400, "Invalid item sequence number: null", "ITEM_NUMBER_INVALID"),
        (400, "something new", "REFUSED"),
        (405, "", "METHOD_NOT_ALLOWED"),
        (415, "", "MEDIA_TYPE_REFUSED"),
        (422, "NOT_IN_UPDATABLE_STATUS", "UPDATE_NOT_ALLOWED"),
        ("400", "", "REFUSED"),
    ],
)
def test_refusals_get_words_of_ours(code: object, description: str, reason: str, status: int) -> None:
    for purpose in WRITES:
        assert verdict(envelope(code, description, status=status), purpose) == Refused(reason=reason)
    assert verdict(envelope(code, description, status=status), Purpose.READ) == Later(reason="SHOP_DOWN")


@pytest.mark.parametrize("status", [200, 404])
def test_missing_listing_is_gone_but_a_create_misses_its_item(status: int) -> None:
    response = envelope(404, "RESOURCE_NOT_FOUND", status=status)

    assert verdict(response, Purpose.CHANGE) == Gone()
    assert verdict(response, Purpose.READ) == Gone()
    assert verdict(response, Purpose.CREATE) == Refused(reason="NO_SUCH_ITEM")


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("TOKEN_IP_MISMATCHED: consumer: CKEY-CANARY IP: 192.0.2.7", "ADDRESS_NOT_ALLOWED"),
        ("SIGNATURE_INVALID: ...", "WRONG_KEY"),
        ("TOKEN_REJECTED: TOKEN-CANARY", "WRONG_KEY"),
        ("", "WRONG_KEY"),
    ],
)
def test_oauth_trouble_halts_without_repeating_the_shops_words(description: str, reason: str, purpose: Purpose) -> None:
    outcome = verdict(envelope(401, description), purpose)

    assert outcome == Halted(reason=reason)
    assert "CANARY" not in repr(outcome)


@pytest.mark.parametrize("description", ["TIMESTAMP_REFUSED: outside of the window", "Timestamp expired", "NONCE_USED"])
@pytest.mark.parametrize(
    ("ahead", "outcome"),
    [
        (timedelta(minutes=10), Later(reason="CLOCK_SKEWED")),
        (timedelta(minutes=-10), Later(reason="CLOCK_SKEWED")),
        (timedelta(seconds=60), Later(reason="STAMP_USED")),  # rule B4 allows as much
        (timedelta(), Later(reason="STAMP_USED")),
    ],
)
def test_refused_timestamp_is_a_wrong_clock_only_if_the_shops_clock_says_so(
    description: str, ahead: timedelta, outcome: Verdict
) -> None:
    assert verdict(envelope(401, description), stamp=NOW + ahead) == outcome


def test_refused_timestamp_is_a_wrong_clock_if_the_shop_does_not_tell_the_time() -> None:
    response = envelope(401, "TIMESTAMP_REFUSED")
    del response.headers["Date"]

    assert verdict(response) == Later(reason="CLOCK_SKEWED")


@pytest.mark.parametrize("status", [200, 403])
def test_missing_right_halts(status: int) -> None:
    assert verdict(envelope(403, "PERMISSION_DENIED", status=status)) == Halted(reason="NO_PERMISSION")


@pytest.mark.parametrize(
    ("retry_after", "after"),
    [
        (None, None),
        ("120", timedelta(seconds=120)),
        ("0", timedelta()),
        ("999999999999", timedelta(hours=24)),
        ("Sun, 01 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Sun, 01 Nov 2026 11:00:00 GMT", timedelta()),
        ("Fri, 01 Jan 2100 00:00:00 GMT", timedelta(hours=24)),
        ("soon", None),
        ("-5", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
    ],
)
@pytest.mark.parametrize("bare", [True, False])
def test_spent_quota_waits_as_long_as_asked(bare: bool, retry_after: str | None, after: timedelta | None) -> None:
    headers = {"Date": DATE} | ({} if retry_after is None else {"Retry-After": retry_after})
    response = page(429, headers=headers) if bare else envelope(429, headers=headers)

    for purpose in Purpose:
        assert verdict(response, purpose) == Later(reason="QUOTA", after=after)


def test_digits_of_other_scripts_are_no_seconds() -> None:
    assert verdict(httpx.Response(429, headers={b"Retry-After": "²".encode("latin-1")})) == Later(reason="QUOTA")


def test_retry_after_as_a_date_means_nothing_without_the_shops_time() -> None:
    response = page(429, headers={"Retry-After": "Sun, 01 Nov 2026 12:05:00 GMT"})

    assert verdict(response) == Later(reason="QUOTA")


# nobody can say -------------------------------------------------------------------------------------------------------

NO_ENVELOPES = [
    page(503, "<html>503 Service Temporarily Unavailable</html>"),
    page(502),
    page(500, ""),
    page(200, "<html>maintenance</html>"),
    page(302, "", headers={"Location": "https://elsewhere.example/"}),
    page(200, ""),
    page(404),
    page(400),
    page(403),
    httpx.Response(200, content=b'{"meta": {"code": 200'),
    httpx.Response(200, content=b'{"meta": {"code": 200}, "data": NaN}'),
    httpx.Response(200, content=b"\xff\xfe\xfd"),
    httpx.Response(200, content=b"[" * 100_000),
    httpx.Response(200, json=[]),
    httpx.Response(200, json={"data": {}}),
    httpx.Response(200, json={"meta": None}),
    httpx.Response(200, json={"meta": {"code": "fine"}}),
    httpx.Response(404, json={"error": "no such route"}),
]


@pytest.mark.parametrize(
    "response", NO_ENVELOPES, ids=lambda response: f"{response.status_code}-{response.content[:12]!r}"
)
def test_answer_without_an_envelope_leaves_a_write_unknown_and_a_read_for_later(response: httpx.Response) -> None:
    reason = {500: "SERVER_ERROR", 502: "SERVER_ERROR", 503: TURNED_AWAY}.get(response.status_code, "UNREADABLE_REPLY")

    assert verdict(response, Purpose.READ) == Later(reason="SHOP_DOWN")
    assert {verdict(response, purpose) for purpose in WRITES} == {Unknown(reason=reason)}


@pytest.mark.parametrize("code", [500, 503, 409, 302, 100, 0, -1])
def test_server_errors_and_codes_that_nobody_has_seen_leave_a_write_unknown(code: int) -> None:
    assert verdict(envelope(code), Purpose.READ) == Later(reason="SHOP_DOWN")
    assert {verdict(envelope(code), purpose) for purpose in WRITES} == {Unknown(reason="SERVER_ERROR")}


def test_shop_that_is_down_may_say_for_how_long() -> None:
    response = page(503, headers={"Retry-After": "30"})

    assert verdict(response, Purpose.READ) == Later(reason="SHOP_DOWN", after=timedelta(seconds=30))


def test_bare_401_is_believed() -> None:
    """Harmless if it lies: nothing was done, and a cheap read follows (rule O2)."""
    assert verdict(page(401)) == Halted(reason="WRONG_KEY")


def test_no_outcome_holds_a_text_of_the_shop() -> None:
    codes = [400, 401, 403, 404, 405, 409, 415, 422, 429, 500]
    texts = ["CANARY", "TOKEN_IP_MISMATCHED: CANARY", "Parameter [CANARY] is missing"]

    shown = [repr(verdict(envelope(code, text), purpose)) for code in codes for text in texts for purpose in Purpose]

    assert json.dumps(shown).count("CANARY") == 0
