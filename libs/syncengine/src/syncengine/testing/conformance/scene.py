"""A shop under test with everything around it: inventory, the engine's own code, a store in memory, time by hand."""

# ruff: noqa: S101 - these are the assertions that all stories share
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from brickops.inventory.v1 import lot_pb2
from syncengine.listing import ListingId, LotId, OrderId
from syncengine.rows.order import LineRow
from syncengine.settings import Settings
from syncengine.testing.conformance.lots import edited
from syncengine.testing.conformance.subject import FIELDS, Arrived, Call, Fault, ShopUnderTest
from syncengine.testing.inventory import Inventory, Stock
from syncengine.testing.world import World

SETTINGS = Settings(
    order_poll_interval=timedelta(minutes=30),
    full_order_interval=timedelta(hours=1),
    census_interval=timedelta(hours=1),
)
"""The late and lag windows are the real ones: no time passes but the clock's, which is turned by hand."""
_PERIOD = timedelta(minutes=40)
"""In which orders are read at least once, also those that show late."""
_MOST_PERIODS = 8
_MOST_TURNS = 1000
"""That follow one another without a pause: more is work without an end."""
NOW = timedelta()


class Scene(World):
    """One seller with one shop under test. Lots go by names that the stories give them."""

    def __init__(self, subject: ShopUnderTest) -> None:
        super().__init__(settings=SETTINGS)
        self.subject = subject
        self.clock = subject.clock
        self.told_lots = _MappedInventory(subject)
        self.inventory = self.told_lots
        self.calls = _Counted(subject.marketplace)
        self.shop = self.calls  # type: ignore[assignment]  # which counts and passes on
        self.pieces: dict[str, int] = {}
        """What each lot must come to: what users said, less what buyers took."""
        self.foreign: set[ListingId] = set()
        """Listings of no lot."""

    # What the seller does here

    async def open(self, *, shop_is_empty: bool = True) -> None:
        """Connect the shop, and agree to the first plan if there is one."""
        await self.connect(shop_name=self.subject.seller_name, shop_is_empty=shop_is_empty)
        await self.settle(timedelta(minutes=10))
        if not shop_is_empty:
            await self.confirm()

    def put(self, name: str, lot: lot_pb2.Lot) -> None:
        """Make a lot."""
        self.pieces[name] = lot.quantity
        self.told_lots.put(name, lot)

    def say(self, name: str, by: int = 0, **fields: Any) -> None:
        """Change a lot: its pieces by a difference, and fields."""
        self.pieces[name] += by
        self.told_lots.say(name, by, fields)

    # What others do there

    def listing_id(self, name: str) -> ListingId:
        """The listing of a lot; it has one."""
        listing_id = self.row(name).listing_id
        assert listing_id is not None, f"{name} is not listed"
        return listing_id

    async def buy(self, lines: Mapping[str, int], *, unseen_for: timedelta = NOW) -> OrderId:
        """Order pieces of lots."""
        for name, pieces in lines.items():
            self.pieces[name] -= pieces
        ids = {self.listing_id(name): pieces for name, pieces in lines.items()}
        return await self.subject.buy(ids, unseen_for=unseen_for)

    async def strike(
        self, fault: Fault, call: Call, *, times: int | None = 1, missing: Sequence[ListingId] = ()
    ) -> None:
        """Let the next so many such calls go wrong, None: all."""
        await self.subject.strike(fault, call, times=times, missing=missing)

    async def begin_with_nothing(self) -> None:
        """The service begins again with nothing but what others remember."""
        await self.lose_database()
        await self.connect(shop_name=self.subject.seller_name)

    # What is seen

    async def settle(self, for_at_most: timedelta = timedelta(minutes=90)) -> None:
        """Let the engine work whenever it wants to, for so long."""
        end = self.clock.now() + for_at_most
        while (now := self.clock.now()) < end:
            await self._work()
            due_at = self.connection.due_at
            self.clock.turn(max(timedelta(milliseconds=1), min(due_at or end, end) - now))

    async def _work(self) -> None:
        for _ in range(_MOST_TURNS):
            await self.deliver()
            if not await self.turn():
                return
        raise AssertionError("the engine works without a pause")

    async def quantities(self) -> dict[str, int | None]:
        """What the shop has of each lot, by name; None: no listing."""
        stock = {each.listing_id: each.lot.quantity for each in await self.subject.stock()}
        rows = {name: self.store.tables.listings.get(LotId(name)) for name in self.pieces}
        return {
            name: None if row is None or row.listing_id is None else stock.get(row.listing_id)
            for name, row in rows.items()
        }

    async def writes(self) -> list[Arrived]:
        """All writes that reached the shop."""
        return [call for call in await self.subject.arrived() if call.is_write]

    def lines(self) -> list[LineRow]:
        """All order lines that are known."""
        return list(self.store.tables.lines.values())

    async def rest(self, *waiting: str) -> None:
        """Let everything come to rest, and judge the shop.

        `waiting`: lots that a person must decide about.
        """
        for _ in range(_MOST_PERIODS):
            await self.settle(_PERIOD)
            if self._is_calm():
                break
        assert self.connection.halted == self.connection.census_alarm == ""
        stock = {each.listing_id: each.lot for each in await self.subject.stock()}
        for name in self.pieces.keys() - set(waiting):
            self._judge(name, stock)
        ours = {row.listing_id for row in self.store.tables.listings.values()}
        assert stock.keys() - ours == self.foreign, "a listing too many, or one of others is gone"
        assert len(await self.subject.arrived()) <= self.calls.made, "one method made several calls"

    async def end(self) -> None:
        """See that a story is over: nobody writes any more, even after the shop was matched once more."""
        writes, listed_at = len(await self.writes()), self.connection.census_at
        await self.settle(self.settings.census_interval + timedelta(minutes=5))
        assert len(await self.writes()) == writes, "something settled caused another write"
        assert self.connection.census_at != listed_at or self.connection.halted, "no list was read any more"

    def _is_calm(self) -> bool:
        connection, rows = self.connection, self.store.tables.listings.values()
        if connection.halted or connection.census_alarm or connection.census_reason:
            return False
        if connection.hold_increases_until or connection.list_wanted_at:
            return False
        return not any(row.intent_id or row.look_since or row.probation for row in rows) and all(
            row.trouble or row.parked or row.conflicts or set(row.settled.values()) == {row.revision} for row in rows
        )

    def _judge(self, name: str, stock: Mapping[ListingId, lot_pb2.Lot]) -> None:
        row, told = self.row(name), self.told_lots.told(name)
        waits = (row.trouble, dict(row.parked), dict(row.conflicts), row.intent_id)
        assert waits == (None, {}, {}, None), f"{name} waits"
        assert told.quantity == self.pieces[name], f"of {name} not every piece was counted once"
        assert set(row.settled.values()) == {row.revision}, f"{name} is not reported as synced"
        wanted = edited(told, quantity=max(0, told.quantity))
        if told.archived:
            wanted = edited(told, quantity=0, retain=False)
        shown = stock.get(row.listing_id) if row.listing_id is not None else None
        if shown is None:
            never_listed = wanted.stockroom != lot_pb2.STOCKROOM_UNSPECIFIED and row.listing_id is None
            assert never_listed or (wanted.quantity == 0 and not wanted.retain), f"{name} is not listed"
            return
        assert wanted.quantity or wanted.retain, f"{name} is still listed"
        assert self.held(shown) == self.held(wanted), f"{name} is not as it should be"

    def held(self, lot: lot_pb2.Lot) -> lot_pb2.Lot:
        """Keep of a lot what this marketplace holds, in one form."""
        fields: dict[str, Any] = {name: getattr(lot, name) for name in FIELDS if name not in self.subject.lacks}
        for name in ("cost", "weight_grams"):
            if name in fields and not lot.HasField(name):
                del fields[name]
        if "weight_grams" in fields:
            fields["weight_grams"] = f"{Decimal(fields['weight_grams']).normalize():f}"
        if "stockroom" not in fields:
            fields["stockroom"] = min(lot.stockroom, lot_pb2.STOCKROOM_A)
        if lot.item.condition != lot_pb2.CONDITION_USED or lot.item.type == lot_pb2.ITEM_TYPE_SET:
            fields.pop("used_grade", None)
        return lot_pb2.Lot(item=lot.item, quantity=lot.quantity, **fields)


class _Counted:
    """A marketplace whose calls are counted: each method is exactly one (design, Marketplace)."""

    def __init__(self, shop: Any) -> None:
        self.facts = shop.facts
        self.made = 0
        self._shop = shop

    def __getattr__(self, name: str) -> Any:
        self.made += 1
        return getattr(self._shop, name)


class _MappedInventory(Inventory):
    """Inventory whose lots reach the engine as the service's own mapping makes them."""

    def __init__(self, subject: ShopUnderTest) -> None:
        super().__init__(subject.clock)
        self._lot_of = subject.lot_of
        self._said: dict[LotId, lot_pb2.Lot] = {}

    def put(self, name: str, lot: lot_pb2.Lot) -> None:
        self._said[LotId(name)] = lot
        mapped = self._lot_of(lot)
        self.create(name, lot.quantity, mapped.item, fields=mapped.fields)

    def say(self, name: str, by: int, fields: Mapping[str, object]) -> None:
        self._said[LotId(name)] = edited(self._said[LotId(name)], **fields)
        self.change(name, by, archived=self._said[LotId(name)].archived)

    def told(self, name: str) -> lot_pb2.Lot:
        """The lot as it is now."""
        return edited(self._said[LotId(name)], quantity=self.lots[LotId(name)].quantity)

    def publish(self, stock: Stock) -> None:
        Inventory.publish(self, stock)
        news: Any = self.news.pop()
        mapped = replace(self._lot_of(self.told(stock.lot_id)), sold_out=news.lot.sold_out)
        self.news.append(replace(news, lot=mapped))
