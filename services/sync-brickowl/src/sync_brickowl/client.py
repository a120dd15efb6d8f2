"""Brick Owl over HTTP: each method is exactly one request, never repeated, never redirected (rule L3)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import httpx

from sync_brickowl.auth import ShopKeys
from sync_brickowl.batch import Entry, answers_of, batch_of, of_whole, verdicts_of
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
from syncengine.service.verdicts import Answered, Purpose, Verdict, purpose_of

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
        entry = _entry(write)
        if isinstance(entry, Refused):
            return entry
        verdict, _ = await self._call(purpose_of(write), entry, ticket)
        return _outcome(write, verdict)

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Make several listings, by one batch."""
        return await self._write_all(creates, ticket)

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        """Change several listings, by one batch."""
        return await self._write_all(updates, ticket)

    async def _write_all(self, writes: Sequence[Create | Update], ticket: Ticket) -> Sequence[Outcome]:
        """Make the calls of a batch; what no call can say is refused here, and the others go."""
        entries = [_entry(write) for write in writes]
        sent = [entry for entry in entries if isinstance(entry, Entry)]
        verdicts = iter(await self._verdicts(purpose_of(writes[0]), sent, ticket) if sent else [])
        return [
            entry if isinstance(entry, Refused) else _outcome(write, next(verdicts))
            for write, entry in zip(writes, entries, strict=True)
        ]

    async def _verdicts(self, purpose: Purpose, entries: Sequence[Entry], ticket: Ticket) -> Sequence[Verdict]:
        """Make the calls of a batch, and say what each came to."""
        verdict = await self._batch(purpose, entries, ticket)
        if isinstance(verdict, Answered):
            verdicts = if_readable(partial(verdicts_of, count=len(entries), purpose=purpose), verdict.data)
            return verdicts or [Unknown(reason="UNREADABLE_REPLY")] * len(entries)
        return [verdict] * len(entries)

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        """Read one listing; one that is not there may come as an empty list, or as an error (#9.11)."""
        params = {"lot_id": str(listing_id), "active_only": "0"}
        verdict, read_at = await self._get("inventory/list", params, ticket)
        shown = () if isinstance(verdict, Gone) else understood(_listings_of, verdict)
        listing = next((each for each in shown if each.listing_id == listing_id), None)
        return ListingRead(listing=listing, read_at=read_at)

    async def read_all(self, ticket: Ticket) -> ListRead:
        """Read every listing, also those that are sold out or hidden (#3.1)."""
        verdict, read_at = await self._get("inventory/list", {"active_only": "0"}, ticket)
        return ListRead(listings=understood(_listings_of, verdict), read_at=read_at)

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        """Read the orders received, those that changed last first."""
        params = {"list_type": "store", "sort_by": "updated", "limit": _MOST_ORDERS}
        if page == "recent":
            params["order_time"] = str(int((ticket.stamp - _RECENT).timestamp()))
        verdict, read_at = await self._get("order/list", params, ticket)
        return OrderRead(orders=understood(order_summaries_of, verdict), read_at=read_at)

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        """Read the lines of one order."""
        verdict, _ = await self._get("order/items", {"order_id": order_id}, ticket)
        return understood(order_lines_of, verdict)

    async def identify(self, ticket: Ticket) -> Shop:
        """Say whose shop it is: the user's name, and the store's currency."""
        verdict, _ = await self._get("token/details", {}, ticket)
        return understood(_shop_of, verdict)

    async def send_pings(self, address: str, ticket: Ticket) -> None:
        """Have each new order told to this address: the shop keeps one (#4)."""
        verdict, _ = await self._call(Purpose.READ, Entry("POST", "order/notify", {"ip": address}), ticket)
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
            verdict, _ = await self._call(Purpose.READ, entry, ticket)
            return [None if isinstance(verdict, Gone | Refused) else understood(lambda raw: raw, verdict)]
        verdict = await self._batch(Purpose.READ, entries, ticket)
        return understood(lambda raw: answers_of(raw, len(entries)), verdict)

    async def _batch(self, purpose: Purpose, entries: Sequence[Entry], ticket: Ticket) -> Verdict:
        """Make several calls by one; say what it came to as a whole."""
        verdict, _ = await self._call(purpose, batch_of(entries), ticket, several=True)
        return of_whole(verdict)

    async def _get(self, endpoint: str, params: Mapping[str, str], ticket: Ticket) -> tuple[Verdict, datetime]:
        return await self._call(Purpose.READ, Entry("GET", endpoint, params), ticket)

    async def _call(
        self, purpose: Purpose, entry: Entry, ticket: Ticket, *, several: bool = False
    ) -> tuple[Verdict, datetime]:
        """Make the call and say what it came to, and when the shop answered by its own clock."""
        params = {"key": self._keys.key, **entry.params}
        if entry.method == "GET":
            request = self._http.build_request("GET", entry.endpoint, params=params)
        else:
            request = self._http.build_request(entry.method, entry.endpoint, data=params)
        return await ask(self._http, request, purpose, ticket, partial(outcome_of, purpose=purpose, several=several))


def _entry(write: Write) -> Entry | Refused:
    """Say a write as a call, or why none can say it."""
    try:
        match write:
            case Create():
                return Entry("POST", "inventory/create", create_params(write))
            case Update():
                return Entry("POST", "inventory/update", update_params(write))
            case Remove():
                return Entry("POST", "inventory/delete", {"lot_id": str(write.listing_id)})
    except UnsendableError as refusal:
        return Refused(reason=refusal.reason)


def _outcome(write: Write, verdict: Verdict) -> Outcome:
    if not isinstance(verdict, Answered):
        return verdict
    return Applied(listing_id=if_readable(_made, verdict.data) if isinstance(write, Create) else None)


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
