"""Brick Owl over HTTP: each method is exactly one request, never repeated, never redirected (rule L3)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import httpx

from sync_brickowl.auth import ShopKeys
from sync_brickowl.batch import Entry, answers_of, batch_params
from sync_brickowl.catalog import boids_found, counterpart, types_of
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
    Update,
    Write,
)
from syncengine.service.http import answered_at, exchange, understood
from syncengine.service.reading import UnreadableError, shown_object
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
            match write:
                case Create():
                    purpose, path, params = Purpose.CREATE, "inventory/create", create_params(write)
                case Update():
                    purpose, path, params = Purpose.CHANGE, "inventory/update", update_params(write)
                case Remove():
                    purpose, path, params = Purpose.CHANGE, "inventory/delete", {"lot_id": str(write.listing_id)}
        except UnsendableError as refusal:
            return Refused(reason=refusal.reason)
        verdict, _ = await self._call(purpose, "POST", path, params, ticket)
        if not isinstance(verdict, Answered):
            return verdict
        return Applied(listing_id=_id_if_shown(verdict.data) if isinstance(write, Create) else None)

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Make one listing: the facts allow no more in a call."""
        [create] = creates
        return [await self.send(create, ticket)]

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

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        """Complete what a list said of orders, by one batch."""
        entries = [Entry("order/view", {"order_id": order.order_id}) for order in orders]
        answers = await self._read_batch(entries, ticket)
        return [viewed(order, answer) for order, answer in zip(orders, answers, strict=True) if answer is not None]

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket
    ) -> Mapping[CatalogEntry, CatalogEntry | None]:
        """Find entries by BrickLink's numbers, each as all that it may be, by one batch."""
        asked = [(entry, item_type) for entry in entries for item_type in types_of(entry)]
        calls = [
            Entry("catalog/id_lookup", {"id": entry.number, "type": item_type, "id_type": "bl_item_no"})
            for entry, item_type in asked
        ]
        answers = await self._read_batch(calls, ticket) if calls else []
        found: dict[CatalogEntry, list[tuple[str, frozenset[str]]]] = {entry: [] for entry in entries}
        for (entry, item_type), answer in zip(asked, answers, strict=True):
            if answer is None:
                found.pop(entry, None)  # nothing was learnt
            elif entry in found:
                found[entry].append((item_type, understood(boids_found, Answered(data=answer))))
        return {entry: counterpart(each) for entry, each in found.items()}

    async def _read_batch(self, entries: Sequence[Entry], ticket: Ticket) -> Sequence[object | None]:
        """Read several things by one call; None for what was not answered well."""
        verdict, _ = await self._call(Purpose.READ, "POST", "bulk/batch", batch_params(entries), ticket)
        return answers_of(understood(lambda raw: raw, verdict), len(entries))

    async def _call(
        self, purpose: Purpose, method: str, path: str, params: Mapping[str, str], ticket: Ticket
    ) -> tuple[Verdict, datetime]:
        """Make the call and say what it came to, and when the shop answered by its own clock."""
        with_key = {"key": self._keys.key, **params}
        if method == "GET":
            request = self._http.build_request(method, path, params=with_key)
        else:
            request = self._http.build_request(method, path, data=with_key)
        answer = await exchange(self._http, request, purpose, ticket)
        if not isinstance(answer, httpx.Response):
            return answer, ticket.stamp
        return outcome_of(answer, purpose), answered_at(answer) or ticket.stamp


def _id_if_shown(data: object) -> ListingId | None:
    """Read the id that a create was answered with; the create is done, whether it shows one or not."""
    try:
        return listing_id_of(shown_object(data, "answer"))
    except UnreadableError:
        return None


def _listings_of(data: object) -> tuple[Listing, ...]:
    return tuple(listing_of(entry) for entry in shown_array(data, "inventory"))


def _shop_of(data: object) -> Shop:
    shown = shown_object(data, "token")
    name, store = shown.get("username"), shown.get("store_details")
    currency = store.get("base_currency") if isinstance(store, dict) else None
    if not isinstance(name, str) or not name:
        raise UnreadableError("username")
    if not isinstance(currency, str) or not currency:
        raise ReadFailedError(Halted(reason="NO_PERMISSION"))  # a user without a store
    return Shop(name=name, currency_code=currency)
