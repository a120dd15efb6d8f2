"""The engine over the adapter and the sandbox: one seller, told of lots as inventory's topic has them.

`product.brickowl`, a pytest plugin, has one ready as `world`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from brickops.events.v1.result_event_pb2 import ResultEvent
from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_brickowl.listing import lot_of
from syncengine.absorb import AnswerNews, LotNews, absorb_answer, absorb_lots
from syncengine.listing import ListingId, LotId
from syncengine.testing.inventory import SELLER
from syncengine.testing.world import SOON_CERTAIN, World

if TYPE_CHECKING:
    from product.brickowl import Owl


class OwlWorld(World):
    """One seller whose shop is in the sandbox; lots are told as inventory's topic has them."""

    def __init__(self, owl: "Owl") -> None:
        super().__init__(settings=SOON_CERTAIN)
        self.owl = owl
        self.clock = owl.clock
        self.inventory.clock = owl.clock
        self.shop = owl.shop  # type: ignore[assignment]
        self.revision = 0

    async def open(self, *, shop_is_empty: bool = True) -> None:
        seller_name = (await self.owl.control.show())["seller_name"]
        await self.connect(shop_name=seller_name, shop_is_empty=shop_is_empty)
        await self.settle(timedelta(minutes=1))

    async def deliver(self) -> None:
        """Carry what is told to inventory, which answers wishes here; lots and what they counted `tell` says."""
        outbox = self.store.tables.outbox
        for event in outbox[self.told :]:
            if isinstance(event.message, ResultEvent):
                self.inventory.take_result(event.message)
        self.told = len(outbox)
        answers, self.inventory.news = self.inventory.news, []
        for answer in answers:
            if isinstance(answer, AnswerNews):
                async with self.store.transaction() as tx:
                    await absorb_answer(tx, answer, self.clock.now())

    async def tell(self, lot_id: str, lot: lot_pb2.Lot, *, listing_ids: Sequence[str] = ()) -> None:
        """An event of a lot arrives, and what follows from it."""
        await self.absorb(lot_id, lot, listing_ids=listing_ids)
        await self.settle(timedelta(minutes=1))

    async def absorb(self, lot_id: str, lot: lot_pb2.Lot, *, listing_ids: Sequence[str] = ()) -> None:
        """An event of a lot arrives; counted is all that was sold."""
        self.revision += 1
        row = self.store.tables.listings.get(LotId(lot_id))
        news = LotNews(
            seller_id=SELLER,
            lot_id=LotId(lot_id),
            revision=self.revision,
            counted_seq=0 if row is None else row.sales_seq,
            counted_at=self.clock.now(),
            listing_ids=tuple(map(ListingId, listing_ids)),
            lot=lot_of(lot),
            correlation_id="",
        )
        async with self.store.transaction() as tx:
            await absorb_lots(tx, [news], self.shop.facts, self.settings, self.clock.now())

    async def writes(self) -> list[str]:
        """The writes that reached the shop, by what they were."""
        logged = await self.owl.control.requests(method="POST")
        return [entry["path"].strip("/") for entry in logged if not entry["path"].strip("/").startswith("bulk")]

    async def there(self) -> list[tuple[int, bool, str]]:
        lots = (await self.owl.control.lots()).values()
        return [(lot["qty"], lot["for_sale"], lot["personal_note"]) for lot in lots]


def brick(quantity: int = 10, *, number: str = "3001", color_id: int = 11, **more: object) -> lot_pb2.Lot:
    item = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number=number, color_id=color_id, condition=lot_pb2.CONDITION_NEW)
    price = Money(currency_code="EUR", nanos=120_000_000)
    return lot_pb2.Lot(item=item, quantity=quantity, unit_price=price, bulk=1, **more)  # type: ignore[arg-type]
