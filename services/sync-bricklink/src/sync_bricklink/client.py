"""BrickLink over HTTP: each method is exactly one signed request, never repeated, never redirected (rule L3)."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from urllib.parse import quote

import httpx

from sync_bricklink.auth import ShopKeys, Signature
from sync_bricklink.errors import outcome_of
from sync_bricklink.listing import JsonObject, create_body, listing_of, update_body
from sync_bricklink.orders import order_lines_of, order_summary_of
from sync_bricklink.values import several
from syncengine.listing import Listing, ListingId, ListingRead, ListRead, OrderId, OrderLine, OrderRead
from syncengine.marketplace import (
    Applied,
    Create,
    Facts,
    Gone,
    NoFurtherCalls,
    Outcome,
    Refused,
    Remove,
    Ticket,
    Unknown,
    Update,
    Write,
)
from syncengine.service.http import ask, understood
from syncengine.service.reading import if_readable
from syncengine.service.verdicts import Answered, Purpose, Verdict

MAX_CONNECTIONS = 5
"""At once, over all shops, for all come from one address: more brought HTML 503 pages (marketplaces/bricklink.md#1)."""

_FILED = {"open": "false", "filed": "true"}


class BrickLink(NoFurtherCalls):
    """One seller's BrickLink shop: the engine's `Marketplace`."""

    def __init__(self, http: httpx.AsyncClient, keys: ShopKeys, facts: Facts) -> None:
        self.facts = facts
        self._http = http
        self._keys = keys

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        """Write once."""
        match write:
            case Create():
                verdict, _ = await self._call(Purpose.CREATE, "POST", "inventories", ticket, body=create_body(write))
            case Update():
                path = _listing_path(write.listing_id)
                verdict, _ = await self._call(Purpose.CHANGE, "PUT", path, ticket, body=update_body(write))
            case Remove():
                verdict, _ = await self._call(Purpose.CHANGE, "DELETE", _listing_path(write.listing_id), ticket)
        if not isinstance(verdict, Answered):
            return verdict
        return Applied(listing=None if isinstance(write, Remove) else _listing_if_shown(verdict.data))

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Make several listings: an array is answered without their ids (marketplaces/bricklink.md#3.4).

        Whether an array with one bad element is refused as a whole is not documented: a refusal says of none of them
        that it was not made.
        """
        body = [create_body(create) for create in creates]
        verdict, _ = await self._call(Purpose.CREATE, "POST", "inventories", ticket, body=body)
        if isinstance(verdict, Answered):
            return [Applied()] * len(creates)
        if isinstance(verdict, Refused | Gone):
            return [Unknown(reason="CALL_REFUSED", answered=True)] * len(creates)
        return [verdict] * len(creates)

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        """Read one listing."""
        verdict, read_at = await self._call(Purpose.READ, "GET", _listing_path(listing_id), ticket)
        if isinstance(verdict, Gone):
            return ListingRead(listing=None, read_at=read_at)
        return ListingRead(listing=understood(listing_of, verdict), read_at=read_at)

    async def read_all(self, ticket: Ticket) -> ListRead:
        """Read every listing: without a filter every status comes (marketplaces/bricklink.md#3.2)."""
        verdict, read_at = await self._call(Purpose.READ, "GET", "inventories", ticket)
        return ListRead(listings=understood(several(listing_of, "listings"), verdict), read_at=read_at)

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        """Read the orders received: filed ones come only when asked for (marketplaces/bricklink.md#4.1)."""
        query = {"direction": "in", "filed": _FILED[page]}
        verdict, read_at = await self._call(Purpose.READ, "GET", "orders", ticket, query=query)
        return OrderRead(orders=understood(several(order_summary_of, "orders"), verdict), read_at=read_at)

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        """Read the lines of one order."""
        verdict, _ = await self._call(Purpose.READ, "GET", f"orders/{quote(order_id, safe='')}/items", ticket)
        return understood(order_lines_of, verdict)

    async def _call(
        self,
        purpose: Purpose,
        method: str,
        path: str,
        ticket: Ticket,
        *,
        query: Mapping[str, str] | None = None,
        body: JsonObject | list[JsonObject] | None = None,
    ) -> tuple[Verdict, datetime]:
        """Make the call and say what it came to, and when the shop answered by its own clock."""
        request = self._http.build_request(
            method,
            path,
            params=query,
            content=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            # The bare media type: with a charset the shop has been seen to refuse it (marketplaces/bricklink.md#1).
            headers={} if body is None else {"Content-Type": "application/json"},
        )
        return await ask(
            self._http,
            request,
            purpose,
            ticket,
            partial(outcome_of, purpose=purpose, stamp=ticket.stamp),
            auth=Signature(self._keys, ticket.stamp),
        )


def _listing_path(listing_id: ListingId) -> str:
    return f"inventories/{quote(listing_id, safe='')}"


def _listing_if_shown(data: object) -> Listing | None:
    """Read the listing that a write was answered with, if it was with one."""
    return if_readable(listing_of, data) if data else None
