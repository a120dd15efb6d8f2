"""Brick Owl in the simulation: the sandbox's own model of a shop, spoken to by the adapter itself, HTTP left out.

Decoding is most of the work, so what was decoded is kept until the shop says that it changed.
"""

import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from sandbox.brickowl import batch
from sandbox.brickowl.catalog import Catalog
from sandbox.brickowl.endpoints import Call, answer
from sandbox.brickowl.entities import CANCELLED
from sandbox.brickowl.errors import ShopError
from sandbox.brickowl.render import Renderer, answered
from sandbox.brickowl.shop import Shop
from sandbox.brickowl.switches import Switches
from sandbox.model.orders import Wanted
from sync_brickowl.batch import Entry
from sync_brickowl.catalog import BOID, COLORS
from sync_brickowl.client import BrickOwl
from sync_brickowl.errors import verdict_of
from sync_brickowl.listing import create_params, facts, listing_of, update_params
from sync_brickowl.values import NOTHING, normal_price
from syncengine.listing import (
    CatalogEntry,
    Item,
    Listing,
    ListingId,
    Lot,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
    Value,
    Values,
)
from syncengine.marketplace import Applied, Create, Facts, Limit, Outcome, Ticket, Update, Write
from syncengine.marketplace import Shop as WhoseShop
from syncengine.service.reading import shown_json
from syncengine.service.verdicts import Purpose, Verdict
from syncengine.testing.simulation.character import Character

T = TypeVar("T")

CATALOG = Catalog.shipped()
_ENTRY = CatalogEntry(item_type="PART", number="3001")
_BOID = CATALOG.lookup(_ENTRY.number, "Part", "bl_item_no")[0]
_SHARE_OF_BATCHES = 3
"""Of so many calls one may be a batch (marketplaces/brickowl.md#1.2)."""
_LONGEST_WINDOW = timedelta(minutes=1)
_NO_BULK = ("bulk_qty", 1)
_SECOND = timedelta(seconds=1)


def draw_switches(random: Random, character: Character) -> Switches:
    """Answer the shop's open questions (marketplaces/brickowl.md#9): those of every shop as the character does."""
    return Switches(
        below_zero="clamp" if character.clamps_below_zero else "refuse",
        long_text="cut" if character.cuts_texts else "refuse",
        sold_out=random.choice(("keep", "keep", "remove")),
        success_word=random.choice(("success", "Success")),
        error_form=random.choice(("object", "text")),
        errors_as_http_200=random.random() < 0.2,
        scalars=random.choice(("strings", "natural")),
        empty_map=random.choice(("list", "object")),
        unknown_id_code=random.choice((400, 404)),
        list_form=random.choice(("array", "object")),
        tier_form=random.choice(("pairs", "text")),
        no_tiers=random.choice(("list", "null")),
        empty_text=random.choice(("text", "null")),
        show_lot_weight=random.random() < 0.5,
        create_extra=random.choice(("ignore", "apply")),
        empty_note=random.choice(("clear", "ignore")),
        bulk_of_one=random.choice(("reset", "refuse")),
        tier_rule=random.choice(("falling", "any")),
        unique_external_ids=random.random() < 0.5,
        knows_batches=random.random() < 0.85,
        batch_creates=random.choice(("done", "done", "refused")),
        batch_fields=random.choice(("all", "all", "absolute_quantity_only")),
        batch_counts=random.choice(("once", "each")),
        order_direction=random.choice(("newest_first", "oldest_first")),
        merged_order=random.choice(("emptied", "kept")),
        merged_lines=random.choice(("apart", "summed")),
        lookup_form=random.choice(("bare", "with_colors")),
    )


class _Adapter(BrickOwl):
    """The adapter, whose calls a model does at once."""

    def __init__(self, shop: Shop, facts: Facts) -> None:
        self.facts = facts
        self._shop = shop
        self.now: datetime
        self._last: dict[str, tuple[Any, object]] = {}
        """By path: the last answer, and the same as it was read."""

    async def _call(
        self, purpose: Purpose, entry: Entry, ticket: Ticket, *, several: bool = False
    ) -> tuple[Verdict, datetime]:
        switches, code = self._shop.switches, 200
        try:
            document = self._do(entry)
        except ShopError as error:
            code = 200 if switches.errors_as_http_200 else error.code
            document = batch.error_body(error.words, switches)
        return verdict_of(code, self._read(entry.endpoint, document), purpose, several=several), self.now

    def _read(self, path: str, document: Any) -> object:
        """Read an answer, unless it is what the last one was: most polls find nothing new."""
        if path not in self._last or self._last[path][0] != document:
            self._last[path] = document, _as_read(document)
        return self._last[path][1]

    def _do(self, entry: Entry) -> Any:
        if entry.endpoint == "bulk/batch" and self._shop.switches.knows_batches:
            return batch.run(self._shop, batch.read_entries(entry.params["requests"]), self.now)
        return answer(entry.method, entry.endpoint, Call(self._shop, entry.params, self.now))


def _as_read(document: Any) -> object:
    return shown_json(json.dumps(document).encode())


def _done(work: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")


class BrickOwlModel:
    """Implements `ShopModel`."""

    date_step = _SECOND
    merges_orders = True

    def __init__(self, seller_name: str, limit: Limit, switches: Switches) -> None:
        limit = replace(limit, window=min(limit.window, _LONGEST_WINDOW))  # else looks alone would use it up
        batches = -(-limit.calls // _SHARE_OF_BATCHES)
        self.batch_limit: int | None = batches
        self.facts: Facts = replace(facts(limit.calls, batches), limit=limit)
        self._shop = Shop(seller_name=seller_name, currency="EUR", catalog=CATALOG, switches=switches)
        self._render = Renderer(self._shop)
        self._adapter = _Adapter(self._shop, self.facts)
        self._listings: dict[ListingId, Listing] = {}

    def _ticket(self, now: datetime) -> Ticket:
        self._adapter.now = now
        return Ticket(stamp=now, deadline=_SECOND)

    # A lot's item and fields

    def item(self, color_id: int) -> Item:
        return Item(item_type=BOID, number=_BOID, color_id=COLORS[color_id], condition="new", completeness="")

    def told(self, lot: Lot) -> Lot:
        item = replace(lot.item, item_type=_ENTRY.item_type, number=_ENTRY.number)
        return replace(lot, item=item, entry=_ENTRY, is_mapped=False)

    def fields(self, price: str, note: str, *, hidden: bool) -> Values:
        amount = max(Decimal("0.001"), Decimal(normal_price(Decimal(price))))
        kind, cheaper = int(price.replace(".", "")) % 4, normal_price(amount * 9 / 10)
        tiers = f"50:{cheaper}" if kind == 1 and NOTHING != cheaper != normal_price(amount) else ""
        return {
            "price": normal_price(amount),
            "sale_percent": 10 if kind == 2 else 0,  # what a create does not take (F4)
            "tier_price": tiers,
            "bulk_qty": 1,
            "public_note": "",
            "personal_note": note,
            "my_cost": None,
            "grade": "",
        }

    def stockroom(self, *, hidden: bool) -> Values:
        return {}

    def price(self, price: str) -> dict[str, Value]:
        return {"price": normal_price(Decimal(price))}

    def refused_price(self) -> Values:
        return {"sale_percent": 99}

    def as_shown(self, fields: Values) -> Values:
        switches, note = self._shop.switches, str(fields["personal_note"])
        return {**fields, "personal_note": note[: switches.text_limit] if switches.long_text == "cut" else note}

    # What the API does

    def write(self, write: Write, now: datetime) -> Outcome:
        return _done(self._adapter.send(write, self._ticket(now)))

    def write_all(self, writes: Sequence[Write], now: datetime) -> tuple[Sequence[Outcome], Sequence[ListingId | None]]:
        ticket = self._ticket(now)
        if creates := [write for write in writes if isinstance(write, Create)]:
            outcomes = _done(self._adapter.create_all(creates, ticket))
            marked = {listing.external_id: listing_id for listing_id, listing in self.listings().items()}
            return outcomes, [marked.get(create.external_id) for create in creates]
        updates = [write for write in writes if isinstance(write, Update)]
        outcomes = _done(self._adapter.update_all(updates, ticket))
        return outcomes, [
            update.listing_id if isinstance(outcome, Applied) else None
            for update, outcome in zip(updates, outcomes, strict=True)
        ]

    def counts(self, things: int) -> int:
        return things if self._shop.switches.batch_counts == "each" else 1

    def listings(self) -> dict[ListingId, Listing]:
        for lot_id, change in self._shop.take_changes().lots.items():
            if change.after is None:
                self._listings.pop(ListingId(str(lot_id)), None)
            else:
                shown = answered(self._render.lot(change.after), self._shop.switches)
                self._listings[ListingId(str(lot_id))] = listing_of(_as_read(shown))
        return dict(self._listings)

    def orders(self, page: str, now: datetime) -> OrderRead:
        return _done(self._adapter.list_orders(page, self._ticket(now)))

    def order_lines(self, order_id: OrderId, now: datetime) -> tuple[OrderLine, ...]:
        return _done(self._adapter.order_lines(order_id, self._ticket(now)))

    def identify(self, now: datetime) -> WhoseShop:
        return _done(self._adapter.identify(self._ticket(now)))

    def view_orders(self, orders: Sequence[OrderSummary], now: datetime) -> Sequence[OrderSummary]:
        return _done(self._adapter.view_orders(orders, self._ticket(now)))

    def look_up(
        self, entries: Sequence[CatalogEntry], now: datetime, *, alone: bool
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        return _done(self._adapter.look_up(entries, self._ticket(now), alone=alone))

    # What happens in the shop without us

    def buy(self, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> OrderId:
        order = self._shop.place_order([Wanted(int(listing_id), pieces)], now, lag_seconds=lag.total_seconds())
        return OrderId(str(order.order_id))

    def buy_more(self, order_id: OrderId, listing_id: ListingId, pieces: int, now: datetime, *, lag: timedelta) -> None:
        raise TypeError("here orders are merged")

    def merge(self, order_id: OrderId, into: OrderId, now: datetime, *, lag: timedelta) -> None:
        self._shop.merge_orders(int(order_id), int(into), now, lag_seconds=lag.total_seconds())

    def file(self, order_id: OrderId, now: datetime) -> None:
        if self._shop.find_order(int(order_id)).status_id != CANCELLED:  # nobody ships what was cancelled
            self._shop.set_order_status(int(order_id), "Shipped", now)

    def cancel(self, order_id: OrderId, now: datetime, *, restock: bool) -> None:
        self._shop.cancel_order(int(order_id), now, restock=restock)

    def reduce(self, order_id: OrderId, listing_id: ListingId, by: int, now: datetime, *, restock: bool) -> None:
        self._shop.refund(int(order_id), int(listing_id), by, now, restock=restock)

    def put_up(self, item: Item, quantity: int, fields: Values, now: datetime) -> ListingId:
        create = Create(item=item, quantity=quantity, for_sale=True, retain=False, fields=fields)
        lot = self._shop.put_up_lot({**create_params(create), **self._edit(ListingId("0"), fields)}, now)
        return ListingId(str(lot.lot_id))

    def edit(self, listing_id: ListingId, quantity: int | None, fields: dict[str, Value]) -> None:
        self._shop.edit_lot(int(listing_id), {"quantity": quantity, **self._edit(listing_id, fields)})

    @staticmethod
    def _edit(listing_id: ListingId, fields: Values) -> dict[str, str]:
        said = {name: value for name, value in fields.items() if value not in (None, "") and (name, value) != _NO_BULK}
        params = update_params(Update(listing_id=listing_id, fields=said))
        return {name: value for name, value in params.items() if name != "lot_id"}

    def delete(self, listing_id: ListingId) -> None:
        self._shop.delete_lot(int(listing_id))
