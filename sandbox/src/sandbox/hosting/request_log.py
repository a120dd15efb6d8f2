"""Every request a shop got, for tests to judge by. No keys, nothing signed with them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Reply = Literal["pending", "withheld", "sent", "dropped", "abandoned"]
REQUESTS_KEPT = 50_000


@dataclass(kw_only=True)
class LoggedRequest:
    """One request: what was asked, what it did, what became of the reply."""

    number: int
    """Counts up by one per request of this shop."""
    time: datetime
    """When it arrived, by the shop's clock."""
    method: str
    path: str
    """Below the API's root, still percent-encoded: `/inventories/50001001`, `/inventory/update`."""
    query: str
    body: Any = None
    """What the body says: JSON, or the fields of a form; a text where it was neither."""
    auth: str = "ok"
    """`ok`, or what was wrong with the keys: `SIGNATURE_INVALID`."""
    code: int | None = None
    """The code in the answer's envelope, or the HTTP status of one without; null until the outcome is known."""
    description: str | None = None
    applied: bool = False
    """Whether it was a write that landed, whatever was answered."""
    lots: list[dict[str, int | None]] = field(default_factory=list)
    """What an applied write did to each lot, which goes by the API's own word (`inventory_id`, `lot_id`):
    `quantity_before` and `quantity_after`, null where the lot was not there."""
    fault: str | None = None
    """The id of the fault that hit this request."""
    reply: Reply = "pending"
    """`withheld`: being held now; `dropped`: by a fault; `abandoned`: the client left before it came."""


@dataclass(frozen=True, kw_only=True)
class RequestFilter:
    """Which requests are meant; what is None does not matter."""

    after: int = 0
    method: str | None = None
    path: str | None = None  # a regular expression for the whole path
    applied: bool | None = None
    reply: Reply | None = None

    def admits(self, request: LoggedRequest) -> bool:
        """Tell whether the request is meant."""
        return (
            request.number > self.after
            and (self.method is None or request.method == self.method.upper())
            and (self.path is None or re.fullmatch(self.path, request.path) is not None)
            and (self.applied is None or request.applied == self.applied)
            and (self.reply is None or request.reply == self.reply)
        )


class RequestLog:
    """The requests of one shop, oldest first; only the newest are kept."""

    def __init__(self, changed: Callable[[], None], entries: list[LoggedRequest] | None = None) -> None:
        self._changed = changed
        self._entries = entries or []
        self._next = self._entries[-1].number + 1 if self._entries else 1

    def arrive(self, *, time: datetime, method: str, path: str, query: str, body: Any) -> LoggedRequest:
        """Write down a request that just came in."""
        request = LoggedRequest(number=self._next, time=time, method=method, path=path, query=query, body=body)
        self._next += 1
        self._entries.append(request)
        if len(self._entries) > 2 * REQUESTS_KEPT:
            del self._entries[:REQUESTS_KEPT]
        self._changed()
        return request

    def note_reply(self, request: LoggedRequest, reply: Reply) -> None:
        """Write down what became of the reply."""
        request.reply = reply
        self._changed()

    def list(self, asked: RequestFilter) -> list[LoggedRequest]:
        """Return the requests that are meant, oldest first."""
        return [request for request in self._entries if asked.admits(request)]
