"""A shop of a sandbox as the conformance kit wants it: what is the same for every marketplace."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sandbox.testing import AnyShopControl, Json
from syncengine.listing import ListingId, Lot, OrderId
from syncengine.marketplace import Marketplace
from syncengine.testing.clock import HandClock
from syncengine.testing.conformance.subject import Arrived, Call, Fault, Stocked

_EFFECTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.LOST_REQUEST: {"effect": "drop"},
    Fault.LOST_REPLY: {"effect": "drop", "when": "after"},
    Fault.TOO_MANY: {"effect": "http_429"},
    Fault.SERVER_ERROR: {"effect": "error", "code": 500, "message": "INTERNAL_SERVER_ERROR"},
    Fault.SERVER_ERROR_AFTER: {"effect": "error", "code": 500, "message": "INTERNAL_SERVER_ERROR", "when": "after"},
    Fault.PAGE: {"effect": "html_503"},
    Fault.PAGE_AFTER: {"effect": "html_503", "when": "after"},
    Fault.GOOD_PAGE: {"effect": "html_200"},
    Fault.WRONG_KEY: {"effect": "error"},
    Fault.EMPTY_LIST: {"effect": "empty_list"},
    Fault.SHORT_LIST: {"effect": "without_lots"},
    Fault.SHORT_BATCH: {"effect": "short_batch", "when": "after", "entries": 1},
}


class SandboxShop(ABC):
    """Implements `ShopUnderTest` over the control API."""

    lacks: ClassVar[Mapping[str, str]]
    calls: ClassVar[Mapping[Call, Mapping[str, str]]]
    """How the sandbox's faults tell calls: `method` and `path`."""
    price_word: ClassVar[str]
    """What the control API calls a lot's price."""

    def __init__(self, control: Any, marketplace: Marketplace, clock: HandClock, seller_name: str) -> None:
        self.control: AnyShopControl = control
        self.marketplace = marketplace
        self.clock = clock
        self.seller_name = seller_name

    @abstractmethod
    def lot_of(self, lot: lot_pb2.Lot) -> Lot:
        """Map as the service maps."""

    @abstractmethod
    def _shown(self, raw: Json) -> lot_pb2.Lot:
        """Say what the control API shows of a lot as inventory would."""

    @abstractmethod
    def _form(self, lot: lot_pb2.Lot) -> Json:
        """Say of inventory's lot what the website's form would be filled in with."""

    @abstractmethod
    def _is_write(self, logged: Json) -> bool:
        """Tell whether a request wanted to change something."""

    async def stock(self) -> Sequence[Stocked]:
        lots = await self.control.lots()
        return [Stocked(listing_id=ListingId(str(lot_id)), lot=self._shown(raw)) for lot_id, raw in lots.items()]

    async def arrived(self) -> Sequence[Arrived]:
        logged = await self.control.requests()
        return [Arrived(is_write=self._is_write(each), applied=each["applied"]) for each in logged]

    async def put_up(self, lot: lot_pb2.Lot) -> ListingId:
        made = await self.control.add_lot(**self._form(lot))
        return ListingId(str(made[self.control.lot_word]))

    async def edit(self, listing_id: ListingId, lot: lot_pb2.Lot) -> None:
        price = {self.price_word: str(amount(lot.unit_price))}
        await self.control.edit_lot(int(listing_id), quantity=lot.quantity, **price)

    async def take_down(self, listing_id: ListingId) -> None:
        await self.control.delete_lot(int(listing_id))

    async def buy(self, lines: Mapping[ListingId, int], *, unseen_for: timedelta) -> OrderId:
        pieces = {int(listing_id): quantity for listing_id, quantity in lines.items()}
        order = await self.control.order(pieces, listed_after_seconds=unseen_for.total_seconds())
        return OrderId(str(order["order_id"]))

    async def cancel(self, order_id: OrderId, *, restock: bool) -> None:
        await self.control.cancel_order(int(order_id), restock=restock)

    async def strike(self, fault: Fault, call: Call, *, times: int | None, missing: Sequence[ListingId]) -> None:
        ids = [int(listing_id) for listing_id in missing]
        await self.control.set_fault(**_EFFECTS[fault], **self.calls.get(call, {}), count=times, ids=ids)

    async def heal(self) -> None:
        await self.control.clear_faults()

    async def limit_texts(self, characters: int) -> None:
        await self.control.switch(text_limit=characters)

    async def spend_calls(self) -> None:
        await self.control.charge_calls(self.marketplace.facts.limit.calls)


def eur(text: object) -> Money:
    """Read an amount as the control API shows it."""
    units, nanos = divmod(int(Decimal(str(text)).scaleb(9)), 10**9)
    return Money(currency_code="EUR", units=units, nanos=nanos)


def amount(money: Money) -> Decimal:
    """Write it."""
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
