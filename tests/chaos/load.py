"""The load: sellers who create, change and sell at once, and repeat each request until it is answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

import httpx

from devstack.testing import Stack
from product.lots import Json, a_part, eur
from product.pace import LONG
from product.seller import BRICKLINK, Seller, is_listed, is_synced, sync_of
from product.waiting import until
from sandbox.testing import ShopControl

T = TypeVar("T")

SELLERS = 7
LOTS_EACH = 9
"""Fewer than are ever created by one call, for tests tell single calls apart."""
ADJUSTMENTS = 200 if LONG else 100
PATIENCE = 100.0
"""Seconds in which all must be well again, whatever was killed: leases, looks and windows included."""

_EVENT_WITHIN = 55.0
"""The same for one event at the shop, whose client gives up after 60 s. What must happen before it (lots listed, looks
at what is unknown) takes most of it on a busy machine."""

_START = 100
_STEPS = ((7, -3, 20, -11, 1), (-5, 13, -2, 31, 1), (-23, 4, -6, 9, 1))
"""Differences of which none, done twice or left out, passes for what some others add up to."""
_REFILLS = (9, 4, 17, 2, 1)
"""The same for the lot that sells out in between: nobody takes away what may be gone."""
_LATE = 1.0
"""Seconds by which every second shop lists its orders late: less than the lag window, or sales would be drift."""
_INTERVAL = 0.2


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something that a seller asked for and was told is done."""

    reason: str
    """Unique; its Idempotency-Key too."""
    remarks: str
    """Of the lot: what it is known by on both sides."""
    type: str
    """What the change log must call it: created, adjusted, updated."""
    delta: int = 0


class Trader:
    """One seller under load. What it does may be done while anything is killed, the gateway too."""

    def __init__(self, seller: Seller, number: int) -> None:
        self.seller = seller
        self.shop = seller.shop
        self.commands: list[Command] = []
        self.lot_ids: dict[str, str] = {}
        """By remarks."""
        self._random = Random(number)
        self._sells_out = f"{seller.name}-{LOTS_EACH - 1}"
        self._steps: dict[str, Sequence[int]] = {
            f"{seller.name}-{place}": _STEPS[place % len(_STEPS)] for place in range(LOTS_EACH - 1)
        }
        self._steps[self._sells_out] = _REFILLS

    async def connect(self) -> None:
        """Connect the empty shop and wait until lots may be sent."""
        shop = {"shop_is_empty": True, "shop_name": self.seller.shop_name, "currency": self.seller.currency}
        await self._told("PUT", BRICKLINK, {"keys": self.seller.keys, **shop}, key="connect")
        await self._until(lambda: self._told("GET", BRICKLINK), lambda found: found["state"] == "ready")

    async def create(self) -> None:
        """Create every lot; two are of one item, the others all different."""
        for place, remarks in enumerate(self._steps):
            reason = f"create {remarks}"
            lot = a_part(color_id=max(1, place), quantity=_START, remarks=remarks, reason=reason)
            self.lot_ids[remarks] = (await self._told("POST", "/v1/lots", lot, key=reason))["lot_id"]
            self.commands.append(Command(reason=reason, remarks=remarks, type="created", delta=_START))

    async def finish(self) -> None:
        """One more difference for each lot: no later change of it makes up for one that is lost."""
        for remarks in self._steps:
            await self._adjust(remarks, 4)

    async def listed(self) -> None:
        """Wait until all lots are on sale."""
        await self._until(self._lots, lambda lots: len(lots) == LOTS_EACH and all(map(is_listed, lots)))

    async def trade(self, adjustments: int) -> None:
        """Once all lots are on sale: so many differences, with some new prices and sales in between."""
        await self.listed()
        steps = [(remarks, number) for number in range(4) for remarks in self._steps]
        for count, (remarks, number) in enumerate(steps[:adjustments]):
            await self._adjust(remarks, number)
            if count % 3 == 0:
                await self._sell()
            if count % 10 == 5:
                await self._reprice(remarks, f"0.2{count:02}")
            if number == 1 and remarks == self._sells_out:
                await self._sell_out()

    async def withhold(self, when: str, method: str, path: str = r"/inventories(/\d+)?", **more: object) -> "Withheld":
        """Have the shop withhold the reply to one such request, `before` or `after` it is applied."""
        fault = await self.shop.set_fault("withhold", when=when, method=method, path=path, **more)
        return Withheld(self.shop, fault)

    async def answered(self) -> None:
        """Wait until one command more is done."""
        so_far = len(self.commands)
        await until(self._commands_done, lambda done: done > so_far)

    async def _commands_done(self) -> int:
        return len(self.commands)

    async def written_to(self) -> None:
        """Wait until the shop has applied one write more."""
        so_far = await self.shop.requests()
        last = so_far[-1]["number"] if so_far else 0
        await self.shop.wait_for_requests(1, timeout=_EVENT_WITHIN, after=last, applied=True)

    async def settled(self) -> None:
        """Wait until inventory has counted everything and says that the shop holds it."""
        sold = pieces_sold(await self.shop.orders())
        left = dict.fromkeys(self._steps, 0)
        for command in self.commands:
            left[command.remarks] += command.delta
        for (_, remarks), pieces in sold.items():
            left[remarks] -= pieces

        async def unsettled() -> list[Json]:
            return [
                {"remarks": lot["remarks"], "quantity": lot["quantity"], "left": left[lot["remarks"]], **sync_of(lot)}
                for lot in await self._lots()
                if lot["quantity"] != left[lot["remarks"]] or not _rests(lot)
            ]

        await self._until(unsettled, lambda lots: not lots)

    async def _adjust(self, remarks: str, number: int) -> None:
        delta, reason = self._steps[remarks][number], f"adjust {number} {remarks}"
        path = f"/v1/lots/{self.lot_ids[remarks]}/adjust"
        await self._told("POST", path, {"by": delta, "reason": reason}, key=reason)
        self.commands.append(Command(reason=reason, remarks=remarks, type="adjusted", delta=delta))

    async def _reprice(self, remarks: str, amount: str) -> None:
        reason = f"price {amount} {remarks}"
        path = f"/v1/lots/{self.lot_ids[remarks]}"
        await self._told("PATCH", path, {"unit_price": eur(amount), "reason": reason}, key=reason)
        self.commands.append(Command(reason=reason, remarks=remarks, type="updated"))

    async def _sell(self) -> None:
        """An order of one or two lots; one in four grows by a second batch."""
        lots = await self.shop.lots()
        listings = sorted(listing_id for listing_id, lot in lots.items() if lot["remarks"] != self._sells_out)
        chosen = self._random.sample(listings, k=self._random.randint(1, 2))
        order = await self.shop.order({listing_id: self._random.randint(1, 3) for listing_id in chosen})
        if self._random.random() < 0.25:
            await self.shop.add_batch(order["order_id"], {chosen[0]: 1})

    async def _sell_out(self) -> None:
        """One buyer takes every piece of a lot, however many there are at that moment."""
        await self._until(self._bought_out, bool)

    async def _bought_out(self) -> bool:
        for listing_id, lot in (await self.shop.lots()).items():
            if lot["remarks"] == self._sells_out:
                try:
                    await self.shop.order({listing_id: lot["quantity"]})
                except httpx.HTTPStatusError:
                    return False  # the sync service was faster and took some away
                return True
        return False

    async def _lots(self) -> list[Json]:
        page = await self._told("GET", f"/v1/lots?limit={2 * LOTS_EACH}")
        return list(page["items"])

    async def _told(self, method: str, path: str, body: Json = None, *, key: str = "") -> Json:
        return await insist(self.seller, method, path, body, key=key)

    @staticmethod
    async def _until(read: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
        return await until(read, holds, timeout=PATIENCE, interval=_INTERVAL)


async def insist(seller: Seller, method: str, path: str, body: Json = None, *, key: str = "") -> Json:
    """Ask until there is an answer, each time with the same key, as REST tells its callers to."""
    headers = {"Idempotency-Key": key.replace(" ", "-")} if key else {}

    async def ask() -> httpx.Response | None:
        try:
            return await seller.ask(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None  # nobody is there, or left before the answer

    answer = await until(
        ask, lambda answer: answer is not None and answer.status_code != 503, timeout=PATIENCE, interval=_INTERVAL
    )
    assert answer is not None
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


@dataclass(frozen=True)
class Withheld:
    """A reply that the shop withholds, now or soon."""

    shop: ShopControl
    fault: str

    async def hit(self) -> None:
        """Wait until a request has come whose reply is withheld."""
        await self.shop.wait_for_fault(self.fault, timeout=_EVENT_WITHIN)

    async def release(self) -> None:
        """Let it go: to its client if that is still there."""
        await self.shop.release(self.fault)


def _rests(lot: Json) -> bool:
    settled = {told["settled_revision"] for told in sync_of(lot)["groups"].values()}
    return is_synced(lot) and settled == {lot["revision"]}


def pieces_sold(orders: Mapping[int, Json]) -> dict[tuple[str, str], int]:
    """Pieces by order and remarks, over all batches."""
    sold: dict[tuple[str, str], int] = {}
    for order_id, order in orders.items():
        for line in (line for batch in order["batches"] for line in batch):
            place = (str(order_id), line["remarks"])
            sold[place] = sold.get(place, 0) + line["quantity"]
    return sold


class Crowd:
    """All sellers of one load."""

    def __init__(self, traders: Sequence[Trader]) -> None:
        self.traders = traders

    @classmethod
    @asynccontextmanager
    async def gathered(cls, stack: Stack) -> AsyncIterator["Crowd"]:
        """New sellers with empty shops, not connected yet."""
        async with AsyncExitStack() as sellers:
            late = [_LATE * (number % 2) for number in range(SELLERS)]
            opened = [
                await sellers.enter_async_context(Seller.opened(stack, order_lag_seconds=seconds)) for seconds in late
            ]
            yield cls([Trader(seller, number) for number, seller in enumerate(opened)])

    def __getitem__(self, number: int) -> Trader:
        return self.traders[number]

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """All connect while the block runs."""
        async with self._each(Trader.connect):
            yield

    @asynccontextmanager
    async def creating(self) -> AsyncIterator[None]:
        """All create their lots while the block runs: 63 in all."""
        async with self._each(Trader.create):
            yield

    @asynccontextmanager
    async def trading(self) -> AsyncIterator[None]:
        """All change and sell while the block runs; each begins when their lots are on sale. ADJUSTMENTS in all."""
        shares = [ADJUSTMENTS // len(self.traders)] * len(self.traders)
        for number in range(ADJUSTMENTS % len(self.traders)):
            shares[number] += 1
        share_of = dict(zip(self.traders, shares, strict=True))
        async with self._each(lambda trader: trader.trade(share_of[trader])):
            yield

    @asynccontextmanager
    async def finishing(self) -> AsyncIterator[None]:
        """All change each of their lots a last time while the block runs."""
        async with self._each(Trader.finish):
            yield

    async def listed(self) -> None:
        """Wait until all lots are on sale."""
        for trader in self.traders:
            await trader.listed()

    async def settled(self) -> None:
        """Wait until all is well again."""
        for trader in self.traders:
            await trader.settled()

    @asynccontextmanager
    async def _each(self, do: Callable[[Trader], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for trader in self.traders:
                group.create_task(do(trader))
            yield
