"""What an answer of BrickLink means: the only place that reads status codes and error texts.

The texts are untrusted and may hold keys (TOKEN_IP_MISMATCHED prints the consumer key): they are compared with prefixes
that we know and go no further (rule O1). The HTTP status is not to be trusted either: errors often come with HTTP 200,
so the envelope inside the body speaks first (marketplaces/bricklink.md#1.1).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx

from syncengine.marketplace import Gone, Halted, Later, Refused
from syncengine.service.http import answered_at, retry_after, without_words
from syncengine.service.reading import UnreadableError, shown_json, shown_number
from syncengine.service.verdicts import Answered, Purpose, Verdict, no_answer

_REFUSALS: tuple[tuple[int, str, str], ...] = (
    # code, how the description begins, our word; what is found first counts
    (400, "Parameter [", "FIELD_MISSING_OR_INVALID"),
    (400, "String input must not be null", "TEXT_MISSING"),
    (400, "Unparseable value or field", "FIELD_UNREADABLE"),
    (400, "Invalid item sequence number", "ITEM_NUMBER_INVALID"),
    (400, "", "REFUSED"),
    (405, "", "METHOD_NOT_ALLOWED"),
    (415, "", "MEDIA_TYPE_REFUSED"),
    (422, "", "UPDATE_NOT_ALLOWED"),
)
_SKEW = timedelta(minutes=2)
"""Stamps run up to 60 s ahead of our clock (rule B4); what differs by more than this is a clock that is wrong."""


def outcome_of(response: httpx.Response, purpose: Purpose, *, stamp: datetime) -> Verdict:
    """Say what an answer means to a call of this purpose that was signed with this stamp."""
    if response.status_code == httpx.codes.NO_CONTENT and not response.content:
        return Answered(data=None)  # a DELETE may be answered so (#3.6)
    try:
        shown = shown_json(response.content)
        document = shown if isinstance(shown, dict) else {}
        code, description = _envelope(document)
    except UnreadableError:
        return without_words(response, purpose)
    if 200 <= code <= 299:
        return Answered(data=document.get("data"))
    if code == 404:
        # A create cannot miss a listing: what is missing then is the catalogue item, renumbered perhaps (#6).
        return Refused(reason="NO_SUCH_ITEM") if purpose is Purpose.CREATE else Gone()
    return _failure(code, description, response, purpose, stamp)


def _envelope(document: Mapping[str, object]) -> tuple[int, str]:
    meta = document.get("meta")
    if not isinstance(meta, Mapping):
        raise UnreadableError("meta")
    description = meta.get("description")
    return shown_number(meta.get("code"), "meta.code"), description if isinstance(description, str) else ""


def _failure(code: int, description: str, response: httpx.Response, purpose: Purpose, stamp: datetime) -> Verdict:
    if code == 401:
        return _unauthorized(description, response, stamp)
    if code == 403:
        # Perhaps the form of a spent quota as well (#7, not documented). Halting is the safe reading of both: nothing
        # was done, the engine confirms it by a cheap read and probes hourly (rule O2), so a spent day heals by itself.
        return Halted(reason="NO_PERMISSION")
    if code == 429:
        return Later(reason="QUOTA", after=retry_after(response))
    if purpose is not Purpose.READ:  # which offers nothing that could be refused
        for refused_code, beginning, word in _REFUSALS:
            if code == refused_code and description.startswith(beginning):
                return Refused(reason=word)
    return no_answer(purpose, "SERVER_ERROR", after=retry_after(response))  # 5xx, and codes that nobody has seen


def _unauthorized(description: str, response: httpx.Response, stamp: datetime) -> Halted | Later:
    kind = description.upper()
    if kind.startswith("TOKEN_IP_MISMATCHED"):
        return Halted(reason="ADDRESS_NOT_ALLOWED")
    if "TIMESTAMP" in kind.partition(":")[0] or "NONCE" in kind.partition(":")[0]:
        # The wording is not documented (#1.2). The Date header tells a wrong clock of ours, which halts the service
        # (rule O2), from a stamp that another program of this seller used up with the same token (#2).
        theirs = answered_at(response)
        if theirs is None or abs(theirs - stamp) > _SKEW:
            return Later(reason="CLOCK_SKEWED")
        return Later(reason="STAMP_USED")
    return Halted(reason="WRONG_KEY")
