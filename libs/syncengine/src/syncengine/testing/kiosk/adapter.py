"""The kiosk's adapter: all that the engine needs to know of it. Numbers in brackets: the manual, in `shop.py`."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from brickops.inventory.v1 import lot_pb2
from syncengine.listing import (
    Item,
    Listing,
    ListingId,
    ListingRead,
    ListRead,
    Lot,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
    Values,
)
from syncengine.marketplace import (
    Applied,
    Create,
    Facts,
    Gone,
    Halted,
    Limit,
    NoFurtherCalls,
    Outcome,
    Refused,
    Remove,
    Ticket,
    Update,
    Write,
)
from syncengine.service.http import ask, understood, without_words
from syncengine.service.lots import amount_of, desired_lot, groups_of, item_of_lot
from syncengine.service.order_reading import fingerprint_of
from syncengine.service.reading import (
    UnreadableError,
    each,
    if_readable,
    normal_text,
    shown_json,
    shown_moment,
    shown_number,
    shown_object,
    shown_text,
)
from syncengine.service.verdicts import Answered, Purpose, Verdict, no_answer, purpose_of

FACTS = Facts(
    marketplace="kiosk",
    groups=groups_of({"price": "unit_price", "words": "description"}),
    repeated_fields=frozenset(),
    order_pages=("sales",),
    keeps_sold_out=True,
    limit=Limit(name="hour", calls=2000, window=timedelta(hours=1)),  # (4)
)


# A lot in the kiosk's terms, and back --------------------------------------------------------------------------------


def lot_of(lot: lot_pb2.Lot) -> Lot:
    """Map inventory's lot to what the kiosk should show."""
    price = int((amount_of(lot.unit_price) * 1000).to_integral_value())
    return desired_lot(lot, item=item_of_lot(lot), fields={"price": price, "words": normal_text(lot.description)})


def article_of(item: Item) -> str:
    """Write an item as the kiosk's article."""
    return "/".join((item.item_type, item.number, str(item.color_id), item.condition, item.completeness))


def item_of(raw: object) -> Item:
    """Read an article. Raises UnreadableError."""
    item_type, number, color_id, condition, completeness = (shown_text(raw).split("/") + [""] * 5)[:5]
    color = shown_number(color_id, "article")
    return Item(item_type=item_type, number=number, color_id=color, condition=condition, completeness=completeness)


def listing_of(raw: object) -> Listing:
    """Read a slot. Raises UnreadableError."""
    slot = shown_object(raw, "slot")
    fields: Values = {"price": shown_number(slot.get("price"), "price"), "words": shown_text(slot.get("words"))}
    return Listing(
        listing_id=ListingId(str(shown_number(slot.get("slot"), "slot"))),
        item=item_of(slot.get("article")),
        quantity=shown_number(slot.get("pieces"), "pieces"),
        for_sale=slot.get("shut") is not True,
        retain=False,
        fields=fields,
    )


def order_of(raw: object) -> OrderSummary:
    """Read a receipt of the list. Raises UnreadableError."""
    shown = shown_object(raw, "receipt")
    return OrderSummary(
        order_id=OrderId(str(shown_number(shown.get("receipt"), "receipt"))),
        ordered_at=shown_moment(shown.get("at"), "at"),
        changed_at=shown_moment(shown.get("touched"), "touched"),
        fingerprint=fingerprint_of([shown.get(name) for name in ("touched", "pieces", "void")]),
        cut=shown.get("void") is True,
        shop_name=shown_text(shown.get("stall")),
        currency_code=shown_text(shown.get("coin")),
        pieces=shown_number(shown.get("pieces"), "pieces"),
    )


def line_of(raw: object) -> OrderLine:
    """Read a line of a receipt. Raises UnreadableError."""
    shown = shown_object(raw, "line")
    return OrderLine(
        listing_id=ListingId(str(shown_number(shown.get("slot"), "slot"))),
        item=item_of(shown.get("article")),
        quantity=shown_number(shown.get("pieces"), "pieces"),
    )


# What an answer means ------------------------------------------------------------------------------------------------


def outcome_of(response: httpx.Response, purpose: Purpose) -> Verdict:
    """Say what an answer means: nothing but the kiosk's own words is believed (1)."""
    try:
        document = shown_json(response.content)
    except UnreadableError:
        return without_words(response, purpose)
    match document:
        case {"yes": data}:
            return Answered(data=data)
        case {"no": "STRANGER"}:
            return Halted(reason="WRONG_KEY")
        case {"no": "GONE" | "MOVED"} if purpose is not Purpose.CREATE:
            return Gone()
        case {"no": "WORDS"}:
            return Refused(reason="TEXT_REFUSED")
    return no_answer(purpose, "UNREADABLE_REPLY")


class KioskShop(NoFurtherCalls):
    """One seller's kiosk: the engine's `Marketplace`."""

    facts = FACTS

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._token = token

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        """Write once."""
        match write:
            case Create():
                article = article_of(write.item)
                asked = {"do": "open", "article": article, "pieces": write.quantity, **write.fields}
            case Update():
                asked = {"do": "set", "slot": int(write.listing_id), **write.fields}
                if write.delta and write.ledger is not None:
                    asked |= {"was": write.ledger, "pieces": write.ledger + write.delta}  # (2)
                if write.for_sale is not None:
                    asked["shut"] = not write.for_sale
            case Remove():
                asked = {"do": "close", "slot": int(write.listing_id)}
        verdict, _ = await self._call(purpose_of(write), ticket, asked)
        if not isinstance(verdict, Answered):
            return verdict
        return Applied(listing=None if isinstance(write, Remove) else if_readable(listing_of, verdict.data))

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        """Read one slot."""
        verdict, at = await self._call(Purpose.READ, ticket, {"do": "show", "slot": int(listing_id)})
        return ListingRead(listing=None if isinstance(verdict, Gone) else understood(listing_of, verdict), read_at=at)

    async def read_all(self, ticket: Ticket) -> ListRead:
        """Read every slot."""
        verdict, at = await self._call(Purpose.READ, ticket, {"do": "show"})
        return ListRead(listings=understood(each(listing_of, "listings"), verdict), read_at=at)

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        """Read all receipts: there is one page."""
        verdict, at = await self._call(Purpose.READ, ticket, {"do": "sales"})
        return OrderRead(orders=understood(each(order_of, "orders"), verdict), read_at=at)

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        """Read the lines of one receipt."""
        verdict, _ = await self._call(Purpose.READ, ticket, {"do": "receipt", "number": int(order_id)})
        return understood(each(line_of, "lines"), verdict)

    async def _call(self, purpose: Purpose, ticket: Ticket, asked: dict[str, Any]) -> tuple[Verdict, datetime]:
        request = self._http.build_request("POST", "kiosk", json={"token": self._token, **asked})
        return await ask(self._http, request, purpose, ticket, lambda answer: outcome_of(answer, purpose))
