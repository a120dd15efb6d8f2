"""What the next rows of an import become: new lots, or changes of lots that are there."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Final

from inventory.domain.changes import Cause, ChangeSource
from inventory.domain.errors import InvalidFields, NotEnoughPieces
from inventory.domain.importing import NoSuchLotAnyMore, Pieces, add_pieces, expect_equal, replace_by
from inventory.domain.linking import FIRST_DAY, SoldInBetween, SoldLine, link
from inventory.domain.lot import Lot, create
from inventory.ids import new_id
from inventory.imports.operation import Choice, Import
from inventory.storage.import_listings import IS_ANOTHER_LOTS, listed_lots, lock_listings, owned_listings
from inventory.storage.import_rows import RowToDo, lots_of_rows
from inventory.storage.lots import lock_lots
from inventory.storage.sold_lines import sold_lines
from inventory.storage.unit_of_work import UnitOfWork


class RepeatsNothing(Exception):
    """The row that it repeats became no lot."""

    def __init__(self, number: int | None) -> None:
        super().__init__(f"Row {number}, which it repeats, became no lot to which this could be added.")


class ListingIsTaken(Exception):
    """The shop's listing is another lot's by now."""

    def __init__(self) -> None:
        super().__init__(f"The listing {IS_ANOTHER_LOTS}.")


class LotIsListed(Exception):
    """The lot has a listing in this shop by now."""

    def __init__(self) -> None:
        super().__init__("The lot has another listing in this shop by now.")


class Chunk:
    """Rows that are done together, in the transaction of `work`; what came of them is in its attributes."""

    def __init__(self, operation: Import, work: UnitOfWork, now: datetime) -> None:
        self._operation = operation
        self._work = work
        self._now = now
        self._cause = Cause(
            source=ChangeSource.IMPORT,
            actor=operation.actor,
            at=now,
            correlation_id=operation.correlation_id,
            import_id=operation.import_id,
        )
        self._lots: dict[str, Lot] = {}
        self._owned: Set[str] = frozenset()
        self._listed: Set[str] = frozenset()
        self._lines: Mapping[str, Sequence[SoldLine]] = {}
        self.lot_ids: dict[int, str] = {}
        """By row: the lot that it became or changed."""
        self.refusals: dict[int, str] = {}
        """By row: why it became nothing."""
        self.created = 0
        self.updated = 0

    async def make(self, rows: Sequence[RowToDo]) -> None:
        """Record what these rows do. A row whose lot is not what the preview found any more is refused alone."""
        to_change = [row for row in rows if row.choice is not Choice.NEW_LOT]
        # Those that stand for the same new lot came before, maybe in this very chunk.
        repeated = {row.repeats for row in to_change if row.lot_id is None and row.repeats is not None}
        became = await lots_of_rows(self._work.conn, self._operation.import_id, repeated)
        named = {row.lot_id for row in to_change if row.lot_id is not None} | set(became.values())
        if self._operation.marketplace:
            await self._see_listings([row.listing_id for row in rows], sorted(named))
        if named:
            self._lots = await lock_lots(self._work.conn, sorted(named))
        if named and (reads := [row.counted_at for row in to_change if row.counted_at is not None]):
            self._lines = await sold_lines(self._work.conn, sorted(named), since=min(reads) - FIRST_DAY)
        for row in rows:
            try:
                self._do(row, became | self.lot_ids)
            except _REFUSALS as refusal:
                self.refusals[row.number] = str(refusal)

    async def _see_listings(self, listing_ids: Sequence[str], lot_ids: Sequence[str]) -> None:
        conn, seller_id, shop = self._work.conn, self._operation.seller_id, self._operation.marketplace
        await lock_listings(conn, seller_id)
        self._owned = await owned_listings(conn, seller_id, shop, listing_ids)
        self._listed = await listed_lots(conn, shop, lot_ids)

    def _do(self, row: RowToDo, became: dict[int, str]) -> None:
        if row.listing_id in self._owned:
            raise ListingIsTaken
        match row.choice:
            case Choice.NEW_LOT:
                self._create(row)
            case Choice.LINK:
                self._link(row)
            case _:
                self._change(row, became)

    def _create(self, row: RowToDo) -> None:
        shop = self._operation.marketplace
        lot, difference = create(
            row.said,
            lot_id=new_id(),
            seller_id=self._operation.seller_id,
            now=self._now,
            counted_at=row.counted_at,
            listing_ids={shop: (row.listing_id,)} if shop else None,
        )
        self._work.recorder.record(lot, difference, self._cause)
        self._lots[lot.lot_id] = lot
        self.lot_ids[row.number] = lot.lot_id
        self.created += 1

    def _link(self, row: RowToDo) -> None:
        """Give a lot the listing, and what is taken of it. If nothing of the lot changes, only its shop is told."""
        shop = self._operation.marketplace
        lot = expect_equal(self._lots.get(row.lot_id or ""), row.said.item)
        if lot.lot_id in self._listed:
            raise LotIsListed
        if row.shown is None:
            raise TypeError("a row of a shop says when it was read")
        lot, difference = link(
            lot,
            row.shown,
            row.listing_id,
            theirs=row.theirs,
            lines=self._lines.get(lot.lot_id, ()),
            stock_then=lot.quantity + lot.sold if row.stock_then is None else row.stock_then,
            now=self._now,
        )
        if difference:
            self._work.recorder.record(lot, difference, self._cause)
        else:
            self._work.recorder.acknowledge(lot, shop, self._operation.correlation_id)
        self._lots[lot.lot_id] = lot
        self.lot_ids[row.number] = lot.lot_id
        self.updated += 1

    def _change(self, row: RowToDo, became: dict[int, str]) -> None:
        lot_id = row.lot_id or became.get(row.repeats or 0)
        if lot_id is None:
            raise RepeatsNothing(row.repeats)
        lot = expect_equal(self._lots.get(lot_id), row.said.item)
        if row.choice is Choice.ADD:
            lot, difference = add_pieces(lot, row.said, self._now)
        else:
            names = frozenset(self._operation.fields)
            then = Pieces(row.quantity_then, row.reserved_then)
            lot, difference = replace_by(lot, row.said, names=names, then=then, now=self._now)
        if difference:
            self._work.recorder.record(lot, difference, self._cause)
        self._lots[lot_id] = lot
        self.lot_ids[row.number] = lot_id
        self.updated += 1


_REFUSALS: Final = (
    NoSuchLotAnyMore,
    RepeatsNothing,
    NotEnoughPieces,
    InvalidFields,
    ListingIsTaken,
    LotIsListed,
    SoldInBetween,
)
