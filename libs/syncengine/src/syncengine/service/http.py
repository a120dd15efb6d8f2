"""Calls to shops over HTTP: each is exactly one request, never repeated, never redirected (rule L3)."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx

from syncengine.marketplace import TURNED_AWAY, Gone, Halted, Later, ReadFailedError, Refused, Ticket, Unknown
from syncengine.service.reading import UnreadableError
from syncengine.service.verdicts import Answered, Purpose, Verdict, no_answer

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_LONGEST_WAIT = timedelta(hours=24)
"""Nothing that a shop asks for makes us wait longer."""


def open_http(api_url: str, *, connections: int) -> httpx.AsyncClient:
    """Make the HTTP client that all shops of a marketplace share, with so many connections at most.

    It follows no redirect and keeps no cookie: one seller's session must not reach another's calls. It asks the
    environment nothing: a proxy variable meant for other programs would lead calls with keys elsewhere, and those to a
    sandbox on loopback nowhere. It has no time limits of its own: each call brings its deadline.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # below that they log URLs and headers (rule O1)
    return httpx.AsyncClient(
        base_url=api_url,
        headers={"Accept": "application/json", "User-Agent": "brickops"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
        timeout=None,  # noqa: S113 - see above
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


async def exchange(
    http: httpx.AsyncClient,
    request: httpx.Request,
    purpose: Purpose,
    ticket: Ticket,
    *,
    auth: httpx.Auth | None = None,
) -> httpx.Response | Later | Unknown:
    """Send a request and wait for its answer, until the call's deadline; else say what that means (rule L3)."""
    departed = False

    async def watch(event: str, _: Mapping[str, object]) -> None:
        # The last moment at which nothing of the request can have reached the shop: later, nobody can say.
        nonlocal departed
        departed = departed or event.endswith("send_request_headers.started")

    seconds = ticket.deadline.total_seconds()
    # Connecting has less: httpcore leaves the socket open if it is cancelled in the middle of a TLS handshake.
    request.extensions |= {"trace": watch, "timeout": httpx.Timeout(None, connect=seconds / 3).as_dict()}
    try:
        async with asyncio.timeout(seconds):
            return await http.send(request, auth=auth)
    except (TimeoutError, httpx.HTTPError, OSError):
        return no_answer(purpose, "NO_REPLY") if departed else Later(reason="SHOP_DOWN")


async def ask(
    http: httpx.AsyncClient,
    request: httpx.Request,
    purpose: Purpose,
    ticket: Ticket,
    outcome_of: Callable[[httpx.Response], Verdict],
    *,
    auth: httpx.Auth | None = None,
) -> tuple[Verdict, datetime]:
    """Make a call; say what it came to, and when the shop answered by its own clock, or the call's stamp."""
    answer = await exchange(http, request, purpose, ticket, auth=auth)
    if not isinstance(answer, httpx.Response):
        return answer, ticket.stamp
    return outcome_of(answer), answered_at(answer) or ticket.stamp


def understood(read: Callable[[object], _T], verdict: Verdict) -> _T:
    """Read what the shop answered. Raises `ReadFailedError` for everything else."""
    if isinstance(verdict, Answered):
        data: object = verdict.data
        try:
            return read(data)
        except UnreadableError as error:
            _log.warning("the shop's answer is unreadable", extra={"part": error.part})
        verdict = Unknown(reason="UNREADABLE_REPLY")
    if isinstance(verdict, Gone):
        verdict = Refused(reason="NOT_FOUND")
    raise ReadFailedError(verdict)


def without_words(
    response: httpx.Response, purpose: Purpose, *, rest: timedelta | None = None
) -> Later | Halted | Unknown:
    """Say what an answer means that holds no word of the shop's own. `rest`: after a call too many that asks for none.

    Only two statuses are believed then, both harmless if they lie. Anything else may be a page of a proxy, a firewall
    or a maintenance window, which knows nothing of the shop: a bare 404 proves no listing gone, a bare 400 must not
    park anything, a bare 403 is no word on our permissions.
    """
    after = retry_after(response)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return Later(reason="QUOTA", after=after if rest is None else after or rest)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return Halted(reason="WRONG_KEY")
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return no_answer(purpose, TURNED_AWAY, after=after)
    return no_answer(purpose, "SERVER_ERROR" if response.status_code >= 500 else "UNREADABLE_REPLY", after=after)


def answered_at(response: httpx.Response) -> datetime | None:
    """Read the Date header: the shop's clock when it answered, in whole seconds; None if it does not say."""
    return _http_date(response.headers.get("Date", ""))


def retry_after(response: httpx.Response) -> timedelta | None:
    """Read Retry-After, seconds or a date by the shop's own clock; None if it says nothing usable."""
    raw = response.headers.get("Retry-After", "").strip()
    if raw.isascii() and raw.isdigit():
        return min(timedelta(seconds=int(raw[:9])), _LONGEST_WAIT)
    now, until = answered_at(response), _http_date(raw)
    if now is None or until is None:
        return None
    return min(max(until - now, timedelta()), _LONGEST_WAIT)


def _http_date(raw: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(raw)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
