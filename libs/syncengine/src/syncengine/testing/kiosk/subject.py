"""The kiosk as the conformance kit wants it: with its adapter before it, and its side doors."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import httpx

from brickops.inventory.v1 import lot_pb2
from syncengine.listing import ListingId, Lot, OrderId
from syncengine.marketplace import Marketplace
from syncengine.service.lots import amount_of, item_of_lot, money_of
from syncengine.service.theirs import item_told
from syncengine.testing.clock import HandClock
from syncengine.testing.conformance.subject import BATCHES, FIELDS, RESTOCKS, Arrived, Call, Fault, Stocked
from syncengine.testing.kiosk.adapter import KioskShop, article_of, item_of, lot_of
from syncengine.testing.kiosk.shop import CALLS_PER_HOUR, Kiosk, Receipt, Slot, Strike

_TOKEN = "kiosk token"  # noqa: S105 - of a shop in memory
_HELD = frozenset({"unit_price", "description"})


class KioskUnderTest:
    """Implements `ShopUnderTest`."""

    lacks: Mapping[str, str] = {
        **{name: "there is nothing else to a slot (manual, 2)" for name in FIELDS if name not in _HELD},
        BATCHES: "each call does one thing (manual, 1)",
        RESTOCKS: "pieces come back by hand (manual, 3)",
    }

    def __init__(self) -> None:
        self.clock = HandClock()
        self.seller_name = "stall"
        self.shop = Kiosk(self.clock, self.seller_name, _TOKEN)
        http = httpx.AsyncClient(base_url="http://kiosk", transport=httpx.MockTransport(self.shop.answer))
        self.marketplace: Marketplace = KioskShop(http, _TOKEN)

    def lot_of(self, lot: lot_pb2.Lot) -> Lot:
        return lot_of(lot)

    async def stock(self) -> Sequence[Stocked]:
        return [
            Stocked(
                listing_id=ListingId(str(slot.slot)),
                lot=lot_pb2.Lot(
                    item=item_told(item_of(slot.article)),
                    quantity=slot.pieces,
                    unit_price=money_of(f"{slot.price / 1000:.3f}", "EUR"),
                    description=slot.words,
                    stockroom=lot_pb2.STOCKROOM_A if slot.shut else lot_pb2.STOCKROOM_UNSPECIFIED,
                ),
            )
            for slot in self.shop.slots.values()
        ]

    async def arrived(self) -> Sequence[Arrived]:
        return list(self.shop.arrived)

    async def put_up(self, lot: lot_pb2.Lot) -> ListingId:
        number, price = self.shop.new_number(), int(amount_of(lot.unit_price) * 1000)
        article = article_of(item_of_lot(lot))
        self.shop.slots[number] = Slot(
            slot=number, article=article, pieces=lot.quantity, price=price, words=lot.description
        )
        return ListingId(str(number))

    async def edit(self, listing_id: ListingId, lot: lot_pb2.Lot) -> None:
        slot = self.shop.slots[int(listing_id)]
        slot.pieces, slot.price = lot.quantity, int(amount_of(lot.unit_price) * 1000)

    async def take_down(self, listing_id: ListingId) -> None:
        del self.shop.slots[int(listing_id)]

    async def buy(self, lines: Mapping[ListingId, int], *, unseen_for: timedelta) -> OrderId:
        number, now = self.shop.new_number(), self.clock.now()
        slots = {int(listing_id): pieces for listing_id, pieces in lines.items()}
        self.shop.receipts[number] = Receipt(
            number=number,
            at=now,
            shown_from=now + unseen_for,
            touched=now,
            lines=slots,
            articles={slot: self.shop.slots[slot].article for slot in slots},
        )
        for slot, pieces in slots.items():
            self.shop.slots[slot].pieces -= pieces
        return OrderId(str(number))

    async def cancel(self, order_id: OrderId, *, restock: bool) -> None:
        receipt = self.shop.receipts[int(order_id)]
        receipt.void, receipt.touched = True, self.clock.now()

    async def reduce(self, order_id: OrderId, listing_id: ListingId, pieces: int, *, restock: bool) -> None:
        receipt = self.shop.receipts[int(order_id)]
        receipt.lines[int(listing_id)] -= pieces
        receipt.touched = self.clock.now()

    async def strike(self, fault: Fault, call: Call, *, times: int | None, missing: Sequence[ListingId]) -> None:
        self.shop.strikes.append(Strike(fault, call, times, [int(listing_id) for listing_id in missing]))

    async def heal(self) -> None:
        self.shop.strikes.clear()

    async def limit_texts(self, characters: int) -> None:
        self.shop.longest_words = characters

    async def spend_calls(self) -> None:
        self.shop.counted.extend([self.clock.now()] * CALLS_PER_HOUR)
