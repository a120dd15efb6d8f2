"""The kiosk: a small shop of its own ways, in memory. What follows is its manual.

1. Every call is a POST of one JSON object to `/kiosk`: `token`, `do`, and what that takes. Every answer is HTTP 200 and
   holds `yes` with what was asked for, or `no` with one word: STRANGER (token), GONE, MOVED, WORDS.
2. A listing is a slot: `slot` (numbers rise), `article`, `pieces`, `price` in thousandths of a euro, `words`, `shut`.
   `open` takes article, pieces, price and words. `set` takes what changes, `pieces` as what there shall be and only
   with `was`, what there is: if there is not, MOVED, and nothing is done. `close` takes a slot away. `show` shows one
   slot, or all. A slot that sells out stays. There is nothing else to a slot.
3. `sales` lists all receipts; `receipt` shows the lines of one. What is void, or taken out of one, comes back by hand.
4. 2,000 calls an hour, then HTTP 429.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from syncengine.testing.clock import HandClock
from syncengine.testing.conformance.subject import Arrived, Call, Fault

CALLS_PER_HOUR = 2000
_HOUR = timedelta(hours=1)
_WRITES = frozenset({"open", "set", "close"})
_AFTER = frozenset({Fault.LOST_REPLY, Fault.SERVER_ERROR_AFTER, Fault.PAGE_AFTER})


class NoError(Exception):
    """The word with which a call is refused."""


@dataclass(slots=True, kw_only=True)
class Slot:
    """One listing."""

    slot: int
    article: str
    pieces: int
    price: int
    words: str
    shut: bool = False


@dataclass(slots=True, kw_only=True)
class Receipt:
    """One order."""

    number: int
    at: datetime
    shown_from: datetime
    touched: datetime
    lines: dict[int, int]
    articles: Mapping[int, str]
    void: bool = False


@dataclass(slots=True)
class Strike:
    """What goes wrong with the next calls."""

    fault: Fault
    call: Call
    times: int | None
    missing: Sequence[int]


@dataclass(slots=True)
class Kiosk:
    """One shop, which answers requests, and lets the seller and buyers change it."""

    clock: HandClock
    seller_name: str
    token: str
    slots: dict[int, Slot] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    longest_words: int = 255
    counted: deque[datetime] = field(default_factory=deque)
    next_number: int = 1

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, as an httpx.MockTransport asks."""
        await request.extensions["trace"]("http11.send_request_headers.started", {})  # from here on it may be done
        asked = json.loads(request.content)
        do = asked.pop("do")
        now, fault = self.clock.now(), self._fault(do, asked)
        before = {number: asdict(slot) for number, slot in self.slots.items()}
        response = self._suffered(fault)
        if response is None or (fault is not None and fault.fault in _AFTER):
            done = self._done(do, asked, fault, now)
            response = response or done
        after = {number: asdict(slot) for number, slot in self.slots.items()}
        self.arrived.append(Arrived(is_write=do in _WRITES, applied=before != after))
        if response.extensions.get("lost"):
            raise httpx.ReadError("the connection broke")
        response.headers["Date"] = format_datetime(now.astimezone(UTC), usegmt=True)
        return response

    def new_number(self) -> int:
        """Give out a number that nothing had."""
        self.next_number += 1
        return self.next_number

    def _fault(self, do: str, asked: Mapping[str, Any]) -> Strike | None:
        kinds = {Call.ANY}
        kinds |= {Call.WRITE} if do in _WRITES else set()
        kinds |= {Call.LIST} if do == "show" and "slot" not in asked else set()
        kinds |= {Call.LOOK} if do == "show" and "slot" in asked else set()
        kinds |= {Call.ORDERS} if do == "sales" else set()
        for strike in self.strikes:
            if strike.call in kinds and strike.times != 0:
                strike.times = None if strike.times is None else strike.times - 1
                return strike
        return None

    @staticmethod
    def _suffered(strike: Strike | None) -> httpx.Response | None:
        match None if strike is None else strike.fault:
            case Fault.LOST_REQUEST | Fault.LOST_REPLY:
                return httpx.Response(200, extensions={"lost": True})
            case Fault.TOO_MANY:
                return httpx.Response(429)
            case Fault.SERVER_ERROR | Fault.SERVER_ERROR_AFTER:
                return httpx.Response(500, json={"no": "PANIC"})
            case Fault.PAGE | Fault.PAGE_AFTER:
                return httpx.Response(503, html="<html>later</html>")
            case Fault.GOOD_PAGE:
                return httpx.Response(200, html="<html>later</html>")
            case Fault.WRONG_KEY:
                return httpx.Response(200, json={"no": "STRANGER"})
        return None

    def _done(self, do: str, asked: dict[str, Any], strike: Strike | None, now: datetime) -> httpx.Response:
        while self.counted and self.counted[0] <= now - _HOUR:
            self.counted.popleft()
        self.counted.append(now)
        if len(self.counted) > CALLS_PER_HOUR:
            return httpx.Response(429)
        if asked.pop("token") != self.token:
            return httpx.Response(200, json={"no": "STRANGER"})
        try:
            yes = getattr(self, f"_{do}")(asked, now)
        except NoError as refusal:
            return httpx.Response(200, json={"no": str(refusal)})
        if strike is not None and strike.fault is Fault.EMPTY_LIST:
            yes = []
        if strike is not None and strike.fault is Fault.SHORT_LIST:
            yes = [slot for slot in yes if slot["slot"] not in strike.missing]
        return httpx.Response(200, json={"yes": yes})

    def _open(self, asked: dict[str, Any], now: datetime) -> object:
        slot = Slot(slot=self.new_number(), **asked)
        self._check_words(slot.words)
        self.slots[slot.slot] = slot
        return asdict(slot)

    def _set(self, asked: dict[str, Any], now: datetime) -> object:
        slot = self._slot(asked.pop("slot"))
        if ("pieces" in asked) != ("was" in asked) or asked.pop("was", slot.pieces) != slot.pieces:
            raise NoError("MOVED")
        self._check_words(asked.get("words", ""))
        for name, value in asked.items():
            setattr(slot, name, value)
        return asdict(slot)

    def _close(self, asked: dict[str, Any], now: datetime) -> object:
        return asdict(self.slots.pop(self._slot(asked["slot"]).slot))

    def _show(self, asked: dict[str, Any], now: datetime) -> object:
        return asdict(self._slot(asked["slot"])) if asked else [asdict(slot) for slot in self.slots.values()]

    def _sales(self, asked: dict[str, Any], now: datetime) -> object:
        return [
            {
                "receipt": receipt.number,
                "at": receipt.at.isoformat(),
                "touched": receipt.touched.isoformat(),
                "pieces": sum(receipt.lines.values()),
                "void": receipt.void,
                "stall": self.seller_name,
                "coin": "EUR",
            }
            for receipt in self.receipts.values()
            if receipt.shown_from <= now
        ]

    def _receipt(self, asked: dict[str, Any], now: datetime) -> object:
        receipt = self.receipts[asked["number"]]
        return [
            {"slot": slot, "article": receipt.articles[slot], "pieces": pieces}
            for slot, pieces in receipt.lines.items()
        ]

    def _slot(self, number: int) -> Slot:
        if number not in self.slots:
            raise NoError("GONE")
        return self.slots[number]

    def _check_words(self, words: str) -> None:
        if len(words) > self.longest_words:
            raise NoError("WORDS")
