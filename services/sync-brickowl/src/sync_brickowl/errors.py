"""What an answer of Brick Owl means: the only place that reads status codes and error texts.

The texts are untrusted: they are compared with what we know and go no further (rule O1). Whether errors ever come with
HTTP 200 is not known, so an object that holds `error` is one, whatever the status (marketplaces/brickowl.md#1.1).
"""

from collections.abc import Mapping
from datetime import timedelta

import httpx

from syncengine.marketplace import Gone, Halted, Later, Refused, Unknown
from syncengine.service.http import retry_after, without_words
from syncengine.service.reading import UnreadableError, shown_json
from syncengine.service.verdicts import Answered, Purpose, Verdict, no_answer

_REST = timedelta(seconds=10)
"""After a call too many that does not say for how long: the limits are a minute's."""

_REFUSALS: tuple[tuple[str, str], ...] = (
    # part of the text, in lower case; our word; what is found first counts
    ("scheduled for deletion", "ITEM_IS_RETIRED"),
    ("boid", "NO_SUCH_ITEM"),
    ("condition", "CONDITION_NOT_ALLOWED"),
    ("color", "COLOR_NOT_ALLOWED"),
    ("colour", "COLOR_NOT_ALLOWED"),
    ("tier", "TIERS_REFUSED"),
    ("sale", "SALE_REFUSED"),
    ("price", "PRICE_REFUSED"),
    ("bulk", "BULK_REFUSED"),
    ("note", "TEXT_REFUSED"),
    ("quantity", "QUANTITY_REFUSED"),
    ("external", "EXTERNAL_ID_REFUSED"),
)
_REFUSING = frozenset({200, 400, 404, 409, 422})
"""Statuses under which an error is a word on what was asked; under others, on the shop."""


def outcome_of(response: httpx.Response, purpose: Purpose, *, several: bool = False) -> Verdict:
    """Say what an answer means to a call of this purpose; `several`: to one that asks for several things."""
    try:
        document = shown_json(response.content)
    except UnreadableError:
        return without_words(response, purpose, rest=_REST)
    return verdict_of(response.status_code, document, purpose, after=retry_after(response), several=several)


def verdict_of(
    code: int, document: object, purpose: Purpose, *, after: timedelta | None = None, several: bool = False
) -> Verdict:
    """Say what a status and a document mean: of a call, or of an entry of a batch."""
    words = _words(document["error"]) if isinstance(document, Mapping) and "error" in document else None
    if words is not None or not 200 <= code <= 299:
        failure = _failure(code, words or "", Purpose.CHANGE if several else purpose, after)
        # What a batch was refused for is no matter of any listing; what it was not answered, the purpose says.
        return no_answer(purpose, failure.reason, after=after) if isinstance(failure, Unknown) else failure
    if purpose is Purpose.READ or several:
        return Answered(data=document)
    status = document.get("status") if isinstance(document, Mapping) else None
    if isinstance(status, str) and status.casefold() == "success":  # spelt both ways
        return Answered(data=document)
    return no_answer(purpose, "UNREADABLE_REPLY")


def _words(error: object) -> str:
    text = error.get("status") if isinstance(error, Mapping) else error
    return text.lower() if isinstance(text, str) else ""


def _failure(code: int, words: str, purpose: Purpose, after: timedelta | None) -> Verdict:
    if code == 429 or "too many requests" in words:
        # Said for how long, it is no word on what we allow ourselves in the window (rule B3).
        return Later(reason="QUOTA", after=after or _REST)
    if code == 401 or "invalid key" in words:
        return Halted(reason="WRONG_KEY")
    if code == 403 or "permission" in words or "store not found" in words:
        return Halted(reason="NO_PERMISSION")
    if code not in _REFUSING or not (words or code == 404):
        return no_answer(purpose, "SERVER_ERROR", after=after)
    if purpose is Purpose.CREATE:
        is_missing = code == 404 or "not found" in words
        return Refused(reason="NO_SUCH_ITEM" if is_missing else _refusal(words))
    if code == 404 or "not found" in words:
        return Gone()
    if purpose is Purpose.CHANGE:
        return Refused(reason=_refusal(words))
    return no_answer(purpose, "SERVER_ERROR", after=after)


def _refusal(words: str) -> str:
    return next((word for part, word in _REFUSALS if part in words), "REFUSED")
