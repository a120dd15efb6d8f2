"""A rough day over both shops: sales in each, edits and an import at once, while calls are lost, refused and slow."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

import httpx

from chaos.hands import Hands
from chaos.load import PATIENCE, insist
from devstack.testing import Stack
from product.lots import Json, eur
from product.owl import OwlShop
from product.pace import LONG
from product.seller import Seller
from product.waiting import until
from sandbox.brickowl.catalog import Catalog
from sandbox.testing import AnyShopControl

LOTS = 1000 if LONG else 8
"""In the short form fewer than are ever created by one call: what such a first call came to must be seen (N2)."""
SALES = 200 if LONG else 5
"""In each shop."""
EDITS = 500 if LONG else 8
IMPORTED = 100 if LONG else 2
"""Rows of the file that is imported meanwhile."""
_KILLED = ("inventory", "sync-bricklink", "sync-brickowl", "credentials", "gateway")
ONE_IN = 10
"""So many calls: one loses its reply, one is refused with a 503, one is slow."""
_SLOW_SECONDS = 1.5
_START, _FEW = 60, 4
"""Pieces of a lot, and of every eighth: those sell out, and now and then in both shops at once."""
_AT_REST = 3000.0 if LONG else 2 * PATIENCE
"""Seconds in which all must be equal again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """Pieces that a buyer took in one of the shops."""

    marketplace: str
    order_id: str
    remarks: str
    pieces: int
    at: float
    """By this machine's clock, which is the sandboxes' too."""


@dataclass(slots=True)
class Day:
    """One seller with both shops, and what was done."""

    seller: Seller
    owl: OwlShop
    random: Random
    lot_ids: dict[str, str] = field(default_factory=dict)
    """By remarks: what a lot is known by in both shops."""
    wanted: Counter[str] = field(default_factory=Counter)
    """By remarks: pieces that the seller put in, less those that they took out."""
    sales: list[Sale] = field(default_factory=list)
    faults: dict[str, dict[str, str]] = field(default_factory=dict)
    """By marketplace: what each fault does, by its id."""

    @classmethod
    @asynccontextmanager
    async def dawning(cls, stack: Stack, seed: int, **bricklink: Any) -> AsyncIterator["Day"]:
        """Both shops are connected, and every lot is for sale in both. `bricklink`: switches of that sandbox."""
        async with AsyncExitStack() as opened:
            seller = await opened.enter_async_context(Seller.opened(stack, **bricklink))
            owl = await opened.enter_async_context(OwlShop.opened(stack, seller))
            day = cls(seller, owl, Random(seed))
            await seller.connect()
            await owl.connect()
            await day._import({n: _FEW if place % 8 == 7 else _START for place, n in enumerate(_numbers(0, LOTS))})
            await day.settled()
            yield day

    @property
    def shops(self) -> Mapping[str, AnyShopControl]:
        """Both, by marketplace."""
        return {"bricklink": self.seller.shop, "brickowl": self.owl.control}

    async def darken(self) -> None:
        """From now on a tenth of the calls is lost after it was done, a tenth refused before, a tenth slow."""
        writes = {"bricklink": {"method": "POST|PUT|DELETE"}, "brickowl": {"method": "POST"}}
        for name, shop in self.shops.items():
            often = {"every": ONE_IN, "count": None}
            self.faults[name] = {
                await shop.set_fault("drop", when="after", nth=2, **often, **writes[name]): "drop",
                await shop.set_fault("html_503", nth=5, **often): "html_503",
                await shop.set_fault("delay", nth=8, seconds=_SLOW_SECONDS, **often): "delay",
            }

    async def brighten(self) -> None:
        """No call is hit any more, once each fault has hit one in both shops."""
        for name, shop in self.shops.items():
            for fault_id in self.faults[name]:
                await shop.wait_for_fault(fault_id)
            await shop.clear_faults()

    # What the seller and their buyers do ------------------------------------------------------------------------------

    async def sell(self, marketplace: str) -> None:
        """Buyers take one to three pieces of some lot, again and again."""
        shop = self.shops[marketplace]
        for _ in range(SALES):
            lots = await shop.lots()
            listing_id, lot = self.random.choice([each for each in lots.items() if pieces_in(each[1]) > 0])
            pieces = min(self.random.randint(1, 3), pieces_in(lot))
            try:
                order = await shop.order({listing_id: pieces})
            except httpx.HTTPStatusError:
                continue  # the sync service was faster and took some away
            sale = Sale(
                marketplace=marketplace,
                order_id=str(order["order_id"]),
                remarks=remarks_of(lot),
                pieces=pieces,
                at=time.time(),
            )
            self.sales.append(sale)

    async def edit(self) -> None:
        """Put pieces in and take some out; set a price with every fourth."""
        edited = sorted(self.lot_ids)[::2]
        for number in range(EDITS):
            remarks = self.random.choice(edited)
            by, path = self.random.choice((-4, -1, 2, 7)), f"/v1/lots/{self.lot_ids[remarks]}"
            lot = await insist(self.seller, "GET", path)
            by = max(by, -max(0, lot["quantity"]))
            if by:
                answer = await self._adjust(f"{path}/adjust", by, key=f"edit {number}")
                self.wanted[remarks] += by if answer else 0
            if number % 4 == 0:
                price = {"unit_price": eur(f"0.{100 + number}"), "reason": f"price {number}"}
                await insist(self.seller, "PATCH", path, price, key=f"price {number}")

    async def _adjust(self, path: str, by: int, *, key: str) -> bool:
        """A user's decrease is refused below zero: a sale may have been faster."""
        try:
            await insist(self.seller, "POST", path, {"by": by, "reason": key}, key=key)
        except AssertionError:
            if by > 0:
                raise
            return False
        return True

    async def bring_in(self) -> None:
        """Import a file of more lots."""
        await self._import(dict.fromkeys(_numbers(LOTS, LOTS + IMPORTED), _START))

    async def _import(self, quantities: Mapping[str, int]) -> None:
        body = "".join(_row(number, quantity) for number, quantity in quantities.items())
        headers = {"Content-Type": "application/xml", "Idempotency-Key": f"import-{len(self.wanted)}"}

        async def ask() -> httpx.Response | None:
            try:
                return await self.seller.ask(
                    "POST",
                    "/v1/imports",
                    params={"currency": "EUR"},
                    content=f"<INVENTORY>{body}</INVENTORY>".encode(),
                    headers=headers,
                )
            except httpx.TransportError:
                return None

        answer = await until(ask, lambda found: found is not None and found.status_code != 503, timeout=PATIENCE)
        assert answer is not None
        assert answer.is_success, answer.text
        path = f"/v1/imports/{answer.json()['import_id']}"
        await until(lambda: insist(self.seller, "GET", path), lambda found: found["state"] == "done", timeout=PATIENCE)
        self.wanted.update(quantities)
        cursor: str | None = ""
        while cursor is not None:
            page = await insist(self.seller, "GET", f"/v1/lots?limit=500{cursor and f'&cursor={cursor}'}")
            self.lot_ids |= {lot["remarks"]: lot["lot_id"] for lot in page["items"]}
            cursor = page["next_cursor"]

    async def live(self, hands: Hands) -> None:
        """Do all this at once in the dark, and kill each service in turn; in the long form again and again."""
        await self.darken()
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(each) for each in (self.edit(), self.bring_in(), *map(self.sell, self.shops))]
            await _kill_each(hands)
            while LONG and not all(each.done() for each in work):
                await _kill_each(hands)

    # At rest ----------------------------------------------------------------------------------------------------------

    def left(self) -> Counter[str]:
        """By remarks: what is there to sell; below zero where more was sold than there was."""
        left = Counter(self.wanted)
        for sale in self.sales:
            left[sale.remarks] -= sale.pieces
        return left

    async def settled(self) -> None:
        """Wait until inventory has counted everything, and says that both shops hold it."""

        async def unsettled() -> list[Json]:
            left = self.left()
            lots = await self.seller.lots()
            return [
                {"remarks": lot["remarks"], "quantity": lot["quantity"], "left": left[lot["remarks"]], **lot["sync"]}
                for lot in lots
                if lot["quantity"] != left[lot["remarks"]] or not _rests(lot)
            ] or [lot for lot in [{"lots": len(lots)}] if len(lots) != len(left)]

        await until(unsettled, lambda lots: not lots, timeout=_AT_REST)

    async def still(self) -> None:
        """Wait until every sale is recorded and nothing is under way, be all right or wrong then."""
        sold = {sale.order_id for sale in self.sales}

        async def moving() -> list[Json]:
            recorded = {change["order"]["order_id"] for change in await self.seller.changes() if change["order"]}
            return [{"unrecorded": order_id} for order_id in sold - recorded] or [
                lot for lot in await self.seller.lots() if not (_rests(lot) or waits_for_a_person(lot))
            ]

        await until(moving, lambda lots: not lots, timeout=_AT_REST)


async def _kill_each(hands: Hands) -> None:
    for name in _KILLED:
        await hands.kill(name)
        await hands.start(name)


def _numbers(first: int, last: int) -> Iterator[str]:
    """Numbers of parts that Brick Owl's catalogue knows under one BOID each."""
    catalog = Catalog.shipped()
    numbers = (str(number) for number in range(3001, 99999))
    return islice((each for each in numbers if len(catalog.lookup(each, "Part", "bl_item_no")) == 1), first, last)


def _row(number: str, quantity: int) -> str:
    tags = {"ITEMTYPE": "P", "ITEMID": number, "COLOR": "5", "QTY": quantity, "PRICE": "0.12", "CONDITION": "N"}
    return f"<ITEM>{''.join(f'<{tag}>{value}</{tag}>' for tag, value in (tags | {'REMARKS': number}).items())}</ITEM>"


def pieces_in(lot: Json) -> int:
    """How many pieces a lot of either sandbox has."""
    return int(lot.get("quantity", lot.get("qty", 0)))


def price_of(lot: Json) -> Decimal:
    """What a piece of a lot of either sandbox costs, without a sale."""
    return Decimal(lot.get("unit_price", lot.get("base_price")))


def remarks_of(lot: Json) -> str:
    """By what a lot of either sandbox is known here."""
    return str(lot.get("remarks", lot.get("personal_note", "")))


def waits_for_a_person(lot: Json) -> bool:
    """Tell whether the seller is asked about the lot, in either shop."""
    return any(told["state"] in ("conflict", "failed") for told in lot["sync"].values())


def _rests(lot: Json) -> bool:
    return all(
        told["state"] == "synced" and {one["settled_revision"] for one in told["groups"].values()} == {lot["revision"]}
        for told in lot["sync"].values()
    )
