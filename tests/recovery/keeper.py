"""A seller with many lots who remembers each command, so that the judge can tell at rest whether all adds up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from chaos.judge import Evidence, faults_in
from chaos.load import Command, pieces_sold
from devstack.testing import Stack
from product.lots import Json, a_part, eur
from product.seller import Seller, is_synced, sync_of
from product.waiting import until

T = TypeVar("T")

START = 100
"""Pieces of each lot."""
PATIENCE = 120.0
"""Seconds in which all must be well again: windows, looks, and stamps that ran ahead of the clock (rule B4)."""
_AT_ONCE = 8
"""Requests to REST under way at the same time."""


class Keeper:
    """One seller; lots are known by their remarks on both sides."""

    def __init__(self, seller: Seller) -> None:
        self.seller = seller
        self.shop = seller.shop
        self.commands: list[Command] = []
        self.lot_ids: dict[str, str] = {}

    @property
    def lots(self) -> list[str]:
        """The remarks of all lots, in the order in which they were made."""
        return list(self.lot_ids)

    # What the seller does ---------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect the empty shop."""
        await self.seller.connect()

    async def stock(self, count: int) -> None:
        """Make so many lots more, the first two of one item."""
        for place in range(len(self.lot_ids), len(self.lot_ids) + count):
            remarks = f"{self.seller.name}-{place}"
            reason = f"create {remarks}"
            lot = a_part(str(3000 + max(1, place)), quantity=START, remarks=remarks, reason=reason)
            self.lot_ids[remarks] = (await self.seller.create(lot))["lot_id"]
            self.commands.append(Command(reason=reason, remarks=remarks, type="created", delta=START))

    async def adjust(self, remarks: str, by: int) -> None:
        """Add pieces or take some away."""
        reason = f"adjust {len(self.commands)} {remarks}"
        await self.seller.adjust(self.lot_ids[remarks], by=by, reason=reason)
        self.commands.append(Command(reason=reason, remarks=remarks, type="adjusted", delta=by))

    async def reprice(self, remarks: str, amount: str) -> None:
        """Give a lot another price."""
        reason = f"price {len(self.commands)} {remarks}"
        await self.seller.patch(self.lot_ids[remarks], {"unit_price": eur(amount), "reason": reason})
        self.commands.append(Command(reason=reason, remarks=remarks, type="updated"))

    # What happens in the shop -----------------------------------------------------------------------------------------

    async def sell(self, *lots: str, pieces: int = 3) -> None:
        """One buyer orders pieces of each of these lots."""
        listing_ids = await self._listing_ids()
        await self.shop.order({listing_ids[remarks]: pieces for remarks in lots})

    async def last_request(self) -> int:
        """The number of the newest request in the shop's log."""
        so_far = await self.shop.requests()
        return so_far[-1]["number"] if so_far else 0

    async def _listing_ids(self) -> dict[str, int]:
        return {listing["remarks"]: listing_id for listing_id, listing in (await self.shop.lots()).items()}

    # What must come of it ---------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait until inventory has counted everything and says that the shop holds it."""
        left = dict.fromkeys(self.lot_ids, 0)
        for command in self.commands:
            left[command.remarks] += command.delta
        for (_, remarks), pieces in pieces_sold(await self.shop.orders()).items():
            left[remarks] -= pieces

        async def unsettled() -> list[Json]:
            return [
                {"remarks": lot["remarks"], "quantity": lot["quantity"], "left": left[lot["remarks"]], **sync_of(lot)}
                for lot in await self.seller.lots()
                if lot["quantity"] != left[lot["remarks"]] or not _rests(lot)
            ]

        await until(unsettled, lambda lots: not lots, timeout=PATIENCE, interval=0.5)

    async def faults(self) -> list[str]:
        """Name all that is not as it must be at rest; empty if everything adds up to the piece.

        The judge goes through the shop's log write by write: one that puts a sold piece back on sale, or that is done
        twice, brings the shop to where the seller never wanted it.
        """
        await self.seller.polled(1)
        return faults_in(
            Evidence(
                commands=tuple(self.commands),
                lots=await self.seller.lots(),
                changes=await self.seller.changes(),
                listings=await self.shop.lots(),
                orders=await self.shop.orders(),
                requests=await self.shop.requests(applied=True),
            )
        )

    def wanted(self) -> dict[str, int]:
        """What each lot has by all commands, pieces sold not taken off."""
        wanted: dict[str, int] = {}
        for command in self.commands:
            wanted[command.remarks] = wanted.get(command.remarks, 0) + command.delta
        return wanted

    async def faults_after_a_restore(self, before: Mapping[str, int], *, after: int) -> list[str]:
        """Name what is wrong at rest after inventory was restored from before some commands, now gone from ours.

        `before`: what was wanted until then; `after`: the last request to the shop at that moment. From then on each
        lot is written to once if another quantity is wanted now, and by that difference: a write that made up for
        sales as well would put sold pieces back on sale, or take them away twice.
        """
        sold: dict[str, int] = {}
        for (_, remarks), pieces in pieces_sold(await self.shop.orders()).items():
            sold[remarks] = sold.get(remarks, 0) + pieces
        moves: dict[int, list[int]] = {}
        for request in await self.shop.requests(after=after, applied=True):
            for effect in request["lots"]:
                moved = (effect["quantity_after"] or 0) - (effect["quantity_before"] or 0)
                moves.setdefault(effect["inventory_id"], []).append(moved)
        listings = {listing["remarks"]: (number, listing) for number, listing in (await self.shop.lots()).items()}
        wanted, faults = self.wanted(), []
        for lot in await self.seller.lots():
            remarks = lot["remarks"]
            number, listing = listings[remarks]
            left = wanted[remarks] - sold.get(remarks, 0)
            if (lot["quantity"], lot["sold"], listing["quantity"]) != (left, sold.get(remarks, 0), left):
                faults.append(f"{remarks}: {left} are left of {wanted[remarks]}; REST {lot}; the shop {listing}")
            due = wanted[remarks] - before[remarks]
            if moves.get(number, []) != [due] * (due != 0):
                faults.append(f"{remarks}: moved by {moves.get(number)} from {before[remarks]} to {wanted[remarks]}")
        return faults


def _rests(lot: Json) -> bool:
    settled = {told["settled_revision"] for told in sync_of(lot)["groups"].values()}
    return is_synced(lot) and settled == {lot["revision"]}


@asynccontextmanager
async def keepers_with(stack: Stack, *, sellers: int, lots: int) -> AsyncIterator[list[Keeper]]:
    """So many sellers, each with so many lots on sale."""
    async with AsyncExitStack() as opened:
        keepers = [Keeper(await opened.enter_async_context(Seller.opened(stack))) for _ in range(sellers)]
        await each(keepers, Keeper.connect)
        await each(keepers, lambda keeper: keeper.stock(lots))
        await all_settled(keepers)
        yield keepers


async def all_settled(keepers: Iterable[Keeper]) -> None:
    """Wait until all is well with each of them; one is asked at a time, so that asking does not keep them busy."""
    for keeper in keepers:
        await keeper.settled()


async def each(things: Sequence[T], do: Callable[[T], Awaitable[object]]) -> None:
    """Do something for each, all at once."""
    await asyncio.gather(*map(do, things))


async def some_at_once(steps: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Take steps in their order, a few under way at the same time."""
    waiting = iter(steps)

    async def take() -> None:
        for step in waiting:
            await step()

    await asyncio.gather(*(take() for _ in range(_AT_ONCE)))
