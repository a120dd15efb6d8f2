"""Brick Owl over HTTP: each method is exactly one request, never repeated, never redirected (rule L3)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import httpx

from sync_brickowl.auth import ShopKeys
from sync_brickowl.batch import Entry, answers_of, batch_params, of_whole, verdicts_of
from sync_brickowl.catalog import boids_found, counterparts, types_of
from sync_brickowl.errors import outcome_of
from sync_brickowl.listing import (
    UnsendableError,
    create_params,
    listing_id_of,
    listing_of,
    update_params,
)
from sync_brickowl.orders import order_lines_of, order_summaries_of, viewed
from sync_brickowl.values import shown_array
from syncengine.listing import (
    CatalogEntry,
    Listing,
    ListingId,
    ListingRead,
    ListRead,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
)
from syncengine.marketplace import (
    Applied,
    Create,
    Facts,
    Gone,
    Halted,
    Outcome,
    ReadFailedError,
    Refused,
    Remove,
    Shop,
    Ticket,
    Unknown,
    Update,
    Write,
)
from syncengine.service.http import ask, understood
from syncengine.service.reading import UnreadableError, if_readable, shown_object
from syncengine.service.verdicts import Answered, Purpose, Verdict

MAX_CONNECTIONS = 6
"""At once, over all shops: so many were fine (marketplaces/brickowl.md#1.2)."""

_MOST_ORDERS = "5000"
_RECENT = timedelta(days=30)
"""Orders placed since are read often; an older one that changes is found when all are read."""


class BrickOwl:
    """One seller's Brick Owl shop: the engine's `Marketplace`."""

    def __init__(self, http: httpx.AsyncClient, keys: ShopKeys, facts: Facts) -> None:
        self.facts = facts
        self._http = http
        self._keys = keys

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        """Write once. What no call can say is refused here (marketplaces/brickowl.md#3.3)."""
        try:
            entry = _entry(write)
        except UnsendableError as refusal:
            return Refused(reason=refusal.reason)
        purpose = Purpose.CREATE if isinstance(write, Create) else Purpose.CHANGE
        verdict, _ = await self._call(purpose, entry.method, entry.endpoint, entry.params, ticket)
        return _outcome(write, verdict)

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Make several listings, by one batch."""
        return await self._write_batch(creates, Purpose.CREATE, ticket)

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        """Change several listings, by one batch."""
        return await self._write_batch(updates, Purpose.CHANGE, ticket)

    async def _write_batch(self, writes: Sequence[Create | Update], purpose: Purpose, ticket: Ticket) -> list[Outcome]:
        """Make the calls of a batch; what no call can say is refused here, and the others go."""
        outcomes: dict[int, Outcome] = {}
        entries: dict[int, Entry] = {}
        for position, write in enumerate(writes):
            try:
                entries[position] = _entry(write)
            except UnsendableError as refusal:
                outcomes[position] = Refused(reason=refusal.reason)
        if entries:
            verdict, _ = await self._batch(list(entries.values()), purpose, ticket)
            verdicts = [verdict] * len(entries)
            if isinstance(verdict, Answered):
                try:
                    verdicts = verdicts_of(verdict.data, len(entries), purpose)
                except UnreadableError:
                    verdicts = [Unknown(reason="UNREADABLE_REPLY")] * len(entries)
            outcomes |= {at: _outcome(writes[at], one) for at, one in zip(entries, verdicts, strict=True)}
        return _without_doubles([outcomes[position] for position in range(len(writes))])

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        """Read one listing; one that is not there may come as an empty list, or as an error (#9.11)."""
        params = {"lot_id": str(listing_id), "active_only": "0"}
        verdict, read_at = await self._call(Purpose.READ, "GET", "inventory/list", params, ticket)
        if isinstance(verdict, Gone):
            return ListingRead(listing=None, read_at=read_at)
        shown = understood(_listings_of, verdict)
        return ListingRead(
            listing=next((each for each in shown if each.listing_id == listing_id), None), read_at=read_at
        )

    async def read_all(self, ticket: Ticket) -> ListRead:
        """Read every listing, also those that are sold out or hidden (#3.1)."""
        verdict, read_at = await self._call(Purpose.READ, "GET", "inventory/list", {"active_only": "0"}, ticket)
        return ListRead(listings=understood(_listings_of, verdict), read_at=read_at)

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        """Read the orders received, those that changed last first."""
        params = {"list_type": "store", "sort_by": "updated", "limit": _MOST_ORDERS}
        if page == "recent":
            params["order_time"] = str(int((ticket.stamp - _RECENT).timestamp()))
        verdict, read_at = await self._call(Purpose.READ, "GET", "order/list", params, ticket)
        return OrderRead(orders=understood(order_summaries_of, verdict), read_at=read_at)

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        """Read the lines of one order."""
        verdict, _ = await self._call(Purpose.READ, "GET", "order/items", {"order_id": order_id}, ticket)
        return understood(order_lines_of, verdict)

    async def identify(self, ticket: Ticket) -> Shop:
        """Say whose shop it is: the user's name, and the store's currency."""
        verdict, _ = await self._call(Purpose.READ, "GET", "token/details", {}, ticket)
        return understood(_shop_of, verdict)

    async def send_pings(self, address: str, ticket: Ticket) -> None:
        """Have each new order told to this address: the shop keeps one (#4)."""
        verdict, _ = await self._call(Purpose.READ, "POST", "order/notify", {"ip": address}, ticket)
        understood(lambda _: None, verdict)

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        """Complete what a list said of orders: of several by one batch."""
        entries = [Entry("GET", "order/view", {"order_id": order.order_id}) for order in orders]
        answers = await self._read_all(entries, ticket)
        return [viewed(order, answer) for order, answer in zip(orders, answers, strict=True) if answer is not None]

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket, *, alone: bool = False
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        """Find entries by BrickLink's numbers, each as all that it may be, by one batch."""
        asked = [(entry, item_type) for entry in entries for item_type in types_of(entry)][: 1 if alone else None]
        calls = [
            Entry("GET", "catalog/id_lookup", {"id": entry.number, "type": item_type, "id_type": "bl_item_no"})
            for entry, item_type in asked
        ]
        answers = await self._read_all(calls, ticket) if calls else []
        found: dict[CatalogEntry, list[tuple[str, frozenset[str]]]] = {entry: [] for entry in entries}
        for (entry, item_type), answer in zip(asked, answers, strict=True):
            if answer is None:
                found.pop(entry, None)  # nothing was learnt
            elif entry in found:
                found[entry].append((item_type, understood(boids_found, Answered(data=answer))))
        if alone:  # what else it may be was not asked: nothing was learnt where it is not that
            found = {entry: each for entry, each in found.items() if each[0][1] or len(types_of(entry)) == 1}
        return {entry: counterparts(each) for entry, each in found.items()}

    async def _read_all(self, entries: Sequence[Entry], ticket: Ticket) -> Sequence[object | None]:
        """Read things by one call, several by a batch; None for what was not answered well."""
        if len(entries) == 1:
            [entry] = entries
            verdict, _ = await self._call(Purpose.READ, entry.method, entry.endpoint, entry.params, ticket)
            return [None if isinstance(verdict, Gone | Refused) else understood(lambda raw: raw, verdict)]
        verdict, _ = await self._batch(entries, Purpose.READ, ticket)
        return understood(lambda raw: answers_of(raw, len(entries)), verdict)

    async def _batch(self, entries: Sequence[Entry], purpose: Purpose, ticket: Ticket) -> tuple[Verdict, datetime]:
        """Make several calls by one; says what it came to as a whole."""
        verdict, read_at = await self._call(purpose, "POST", "bulk/batch", batch_params(entries), ticket, several=True)
        return of_whole(verdict), read_at

    async def _call(
        self,
        purpose: Purpose,
        method: str,
        path: str,
        params: Mapping[str, str],
        ticket: Ticket,
        *,
        several: bool = False,
    ) -> tuple[Verdict, datetime]:
        """Make the call and say what it came to, and when the shop answered by its own clock."""
        with_key = {"key": self._keys.key, **params}
        if method == "GET":
            request = self._http.build_request(method, path, params=with_key)
        else:
            request = self._http.build_request(method, path, data=with_key)
        return await ask(self._http, request, purpose, ticket, partial(outcome_of, purpose=purpose, several=several))


def _entry(write: Write) -> Entry:
    """Say a write as a call. Raises UnsendableError."""
    match write:
        case Create():
            return Entry("POST", "inventory/create", create_params(write))
        case Update():
            return Entry("POST", "inventory/update", update_params(write))
        case Remove():
            return Entry("POST", "inventory/delete", {"lot_id": str(write.listing_id)})


def _outcome(write: Write, verdict: Verdict) -> Outcome:
    if not isinstance(verdict, Answered):
        return verdict
    return Applied(listing_id=if_readable(_made, verdict.data) if isinstance(write, Create) else None)


def _without_doubles(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Believe no id that several creates were answered with: which of them made it, a look finds out (rule N3)."""
    ids = Counter(outcome.listing_id for outcome in outcomes if isinstance(outcome, Applied))
    return [
        Unknown(reason="UNREADABLE_REPLY", answered=True)
        if isinstance(outcome, Applied) and outcome.listing_id is not None and ids[outcome.listing_id] > 1
        else outcome
        for outcome in outcomes
    ]


def _made(data: object) -> ListingId:
    return listing_id_of(shown_object(data, "answer"))


def _listings_of(data: object) -> tuple[Listing, ...]:
    return tuple(map(listing_of, shown_array(data, "inventory")))


def _shop_of(data: object) -> Shop:
    shown = shown_object(data, "token")
    name, store = shown.get("username"), shown.get("store_details")
    currency = store.get("base_currency") if isinstance(store, dict) else None
    if not isinstance(name, str) or not name:
        raise UnreadableError("username")
    if not isinstance(currency, str) or not currency:
        raise ReadFailedError(Halted(reason="NO_PERMISSION"))  # a user without a store
    number = store.get("store_id") if isinstance(store, dict) else None
    return Shop(name=name, currency_code=currency, number=str(number) if isinstance(number, str | int) else "")
