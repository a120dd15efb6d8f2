"""Records what happened to lots: their new state, the change log and the outbox, in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.changes import Cause, Change, Difference
from inventory.domain.lot import Lot
from inventory.domain.shown import shown_change
from inventory.events import LotTopics, lot_changed
from inventory.ids import new_id
from inventory.storage.changes import json_of_change
from inventory.storage.lots import json_of
from inventory.storage.tables import CHANGES, LOTS
from servicekit import outbox
from servicekit.outbox import Message

_LOT_COLUMNS: Final = tuple(LOTS.columns.keys())
_CHANGE_COLUMNS: Final = ", ".join(CHANGES.columns.keys())
_NEVER_CHANGED: Final = frozenset({"lot_id", "seller_id", "created_at"})

# One statement whatever the number of lots: what a statement costs is the client's work for it, not its rows.
_WRITE: Final = text(f"""
    WITH saved AS (
        INSERT INTO lots ({", ".join(_LOT_COLUMNS)})
        SELECT {", ".join(_LOT_COLUMNS)} FROM jsonb_populate_recordset(CAST(NULL AS lots), CAST(:lots AS jsonb))
        ON CONFLICT (lot_id) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in _LOT_COLUMNS if name not in _NEVER_CHANGED)}
    )
    INSERT INTO changes ({_CHANGE_COLUMNS})
    SELECT {_CHANGE_COLUMNS} FROM jsonb_populate_recordset(CAST(NULL AS changes), CAST(:changes AS jsonb))
""")  # noqa: S608 - the columns' names are ours


@dataclass(slots=True)
class _Touched:
    lot: Lot
    marketplaces: set[str]
    correlation_id: str


class Recorder:
    """Collects what happened to lots that the transaction has locked or made, and writes it when told to."""

    def __init__(self, conn: AsyncConnection, topics: LotTopics) -> None:
        self._conn = conn
        self._topics = topics
        self._touched: dict[str, _Touched] = {}
        self._changes: list[Change] = []

    def record(self, lot: Lot, difference: Difference, cause: Cause) -> Change:
        """A lot changed: keep its new state, log the change, tell every marketplace."""
        before, after = shown_change(difference.before, difference.after)
        change = Change(
            change_id=new_id(),
            lot_id=lot.lot_id,
            seller_id=lot.seller_id,
            revision=lot.revision,
            type=difference.type,
            before=before,
            after=after,
            quantity_delta=difference.quantity_delta,
            reserved_delta=difference.reserved_delta,
            cause=cause,
        )
        self._changes.append(change)
        self._touch(lot, self._topics.marketplaces, cause.correlation_id)
        return change

    def acknowledge(self, lot: Lot, marketplace: str, correlation_id: str) -> None:
        """A lot counts a newer sales message that changed nothing else: keep that, tell this marketplace (rule S3)."""
        self._touch(lot, [marketplace], correlation_id)

    def _touch(self, lot: Lot, marketplaces: Sequence[str], correlation_id: str) -> None:
        touched = self._touched.setdefault(lot.lot_id, _Touched(lot, set(), correlation_id))
        touched.lot, touched.correlation_id = lot, correlation_id
        touched.marketplaces.update(marketplaces)

    async def write(self) -> None:
        """Write what was collected. Each lot goes out once per marketplace, as it is after all its changes."""
        if not self._touched:
            return
        lots = json.dumps([json_of(touched.lot) for touched in self._touched.values()])
        changes = json.dumps([json_of_change(change) for change in self._changes])
        await self._conn.execute(_WRITE, {"lots": lots, "changes": changes})
        await outbox.record(self._conn, self._messages())
        self._touched, self._changes = {}, []

    def _messages(self) -> list[Message]:
        return [
            lot_changed(touched.lot, marketplace, topic=topic, correlation_id=touched.correlation_id)
            for touched in self._touched.values()
            for marketplace, topic in self._topics.items()
            if marketplace in touched.marketplaces
        ]
