"""Rows of imports: as they were read, as they were judged, and what became of them."""

import asyncio
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection as PsycopgConnection
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory.domain.linking import ALWAYS_SHOWN, Aspect, Shown
from inventory.domain.lot import LotFields
from inventory.domain.money import PLACES
from inventory.imports.operation import CheckedRow, Choice, Import, ImportRow, Row, Verdict
from inventory.storage.lots import fields_of, json_of_fields
from inventory.storage.tables import IMPORT_ROWS

_ROWS: Final = IMPORT_ROWS.c
_COPIED_AT_ONCE: Final = 10_000
"""Rows of one statement, which the server ends after a while."""
_COPY: Final = "COPY import_rows (import_id, number, line, said, field, reason) FROM STDIN"


async def add_rows(conn: AsyncConnection, import_id: str, rows: Sequence[Row]) -> None:
    """Keep the rows as they were read; they are copied, for they may be a hundred thousand."""
    driver = (await conn.get_raw_connection()).driver_connection
    if not isinstance(driver, PsycopgConnection):
        raise TypeError("rows are copied through psycopg")
    async with driver.cursor() as cursor:
        for start in range(0, len(rows), _COPIED_AT_ONCE):
            lines = await asyncio.to_thread(_lines, import_id, rows, start)
            async with cursor.copy(_COPY) as copy:
                await copy.write(lines)


def _lines(import_id: str, rows: Sequence[Row], start: int) -> bytes:
    """Rows as COPY reads them. JSON has no tab and no line end in it, so backslashes are all that must be escaped."""
    lines = []
    for number, row in enumerate(rows[start : start + _COPIED_AT_ONCE], start=start + 1):
        said = json.dumps([row.tags, row.fault]).replace("\\", "\\\\")
        lines.append(f"{import_id}\t{number}\t{row.line}\t{said}\t\t\n")
    return "".join(lines).encode()


async def rows_to_judge(conn: AsyncConnection, operation: Import, *, limit: int) -> list[tuple[int, Row]]:
    """The next rows that were not judged yet, with their numbers."""
    query = (
        select(_ROWS.number, _ROWS.line, _ROWS.said)
        .where(
            _ROWS.import_id == operation.import_id,
            _ROWS.number.between(operation.judged_rows + 1, operation.judged_rows + limit),
        )
        .order_by(_ROWS.number)
    )
    return [
        (row.number, Row(row.line, row.said[0], None if row.said[1] is None else (row.said[1][0], row.said[1][1])))
        for row in await conn.execute(query)
    ]


_KEEP_JUDGED: Final = text("""
    UPDATE import_rows
    SET said = NULL, lot = judged.lot, field = judged.field, reason = judged.reason, verdict = judged.verdict,
        listing_id = judged.listing_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS judged (number integer, lot jsonb, field text, reason text, verdict text, listing_id text)
    WHERE import_rows.import_id = :import_id AND import_rows.number = judged.number
        AND import_rows.number BETWEEN :first AND :last
""")


async def keep_judged(conn: AsyncConnection, import_id: str, rows: Sequence[CheckedRow]) -> None:
    """Keep the verdicts on rows, which are in their order."""
    told = [
        {
            "number": row.number,
            "lot": None if row.lot is None else json_of_fields(row.lot) | _beside(row),
            "field": row.field,
            "reason": row.reason,
            "verdict": "" if row.lot else Verdict.EXCLUDED if row.excluded else Verdict.INVALID,
            "listing_id": row.listing_id,
        }
        for row in rows
    ]
    if rows:
        # The planner knows no numbers of a new import, and would compare each of its rows with each of these.
        numbers = {"first": rows[0].number, "last": rows[-1].number}
        await conn.execute(_KEEP_JUDGED, {"import_id": import_id, "rows": json.dumps(told), **numbers})


def _beside(row: CheckedRow) -> dict[str, Any]:
    """What is kept with the fields of the lot to be."""
    counted_at = None if row.counted_at is None else row.counted_at.isoformat()
    return {"known_as": row.known_as, "counted_at": counted_at, "shown": list(row.shown), "places": row.places}


_REFUSE_GOOD: Final = text("""
    UPDATE import_rows SET lot = NULL, reason = :reason, verdict = 'INVALID'
    WHERE import_id = :import_id AND reason = ''
""")


async def refuse_good_rows(conn: AsyncConnection, import_id: str, reason: str) -> None:
    """Refuse all rows that were good so far."""
    await conn.execute(_REFUSE_GOOD, {"import_id": import_id, "reason": reason})


async def page_of_rows(
    conn: AsyncConnection,
    import_id: str,
    *,
    after: int,
    limit: int,
    refused_only: bool = False,
    verdicts: Set[Verdict] = frozenset(),
    differing: Set[Aspect] = frozenset(),
) -> list[ImportRow]:
    """Rows of an import in the file's order, from the one after `after` on."""
    query = (
        select(*(_ROWS[name] for name in _SHOWN), _ROWS.lot)
        .where(_ROWS.import_id == import_id, _ROWS.number > after)
        .order_by(_ROWS.number)
        .limit(limit)
    )
    if refused_only:
        query = query.where(_ROWS.reason != "")
    if verdicts:
        query = query.where(_ROWS.verdict.in_(sorted(verdicts)))
    if differing:
        query = query.where(_ROWS.differing.overlap(sorted(differing)))
    return [_row_of(row._asdict()) for row in await conn.execute(query)]


_SHOWN: Final = tuple(name for name in ImportRow.__dataclass_fields__ if name not in {"item", "quantity"})


def _row_of(values: dict[str, Any]) -> ImportRow:
    lot = values.pop("lot")
    said = None if lot is None else fields_of(lot)
    verdict, choice = values["verdict"], values["choice"]
    words = {"verdict": Verdict(verdict) if verdict else None, "choice": Choice(choice) if choice else None}
    pieces = {"item": said.item if said else None, "quantity": said.quantity if said else 0}
    return ImportRow(**(values | words | pieces))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowToDo:
    """A good row whose turn it is."""

    number: int
    place: int
    said: LotFields
    choice: Choice
    lot_id: str | None
    """The lot that it is added to or replaces; None for a new lot, and where a row of the same file becomes it."""
    quantity_then: int
    """That lot's, at the preview; 0 without one."""
    reserved_then: int
    repeats: int | None
    listing_id: str
    """In an import from a shop: the listing."""
    counted_at: datetime | None
    shown: Shown | None = None
    """In an import from a shop: what it showed."""
    theirs: frozenset[Aspect] = frozenset()
    """Of what differs: where theirs is taken."""
    stock_then: int | None = None
    """Of a lot that is linked: its quantity and what was sold of it, at the preview."""


class Turn(NamedTuple):
    """What of an import is done next."""

    rows: Sequence[RowToDo]
    last_place: int
    """The last place that is done then; rows that become nothing count as done."""
    is_last: bool


_PLACES_LOOKED_AT: Final = 1000
"""Without an end to what is looked at, a planner that knows nothing of new rows yet sorts all of them each time."""


async def next_turn(conn: AsyncConnection, operation: Import, *, limit: int) -> Turn:
    """The next rows that are to become something, if the next places have any."""
    place = func.coalesce(_ROWS.place, _ROWS.number)
    names = ["number", "lot", "choice", "duplicate_of", "quantity_then", "reserved_then", "repeats", "listing_id"]
    names += ["candidates", "takes"]
    query = (
        select(*(_ROWS[name] for name in names), place.label("turn"))
        .where(
            _ROWS.import_id == operation.import_id,
            place.between(operation.last_row + 1, operation.last_row + _PLACES_LOOKED_AT),
            _ROWS.reason == "",
            _ROWS.choice != Choice.SKIP.value,
        )
        .order_by(place)
        .limit(limit)
    )
    rows = [
        RowToDo(
            number=row.number,
            place=row.turn,
            said=fields_of(row.lot),
            choice=Choice(row.choice) if row.choice else Choice.NEW_LOT,
            lot_id=row.duplicate_of,
            quantity_then=row.quantity_then or 0,
            reserved_then=row.reserved_then or 0,
            repeats=row.repeats,
            listing_id=row.listing_id,
            counted_at=_moment_in(row.lot),
            shown=shown_of(operation.marketplace, row.lot) if operation.marketplace else None,
            theirs=frozenset(map(Aspect, row.takes)),
            stock_then=_stock_then(row.candidates, row.duplicate_of),
        )
        for row in await conn.execute(query)
    ]
    last_place = rows[-1].place if len(rows) == limit else operation.last_row + _PLACES_LOOKED_AT
    # rows that repeat others have places above all numbers
    end = operation.total_rows * (2 if operation.repeated_rows else 1)
    return Turn(rows, last_place, last_place >= end)


def shown_of(marketplace: str, lot: Mapping[str, Any]) -> Shown | None:
    """What a shop showed, from a row's `lot`; None if it does not say when that was read."""
    read_at = _moment_in(lot)
    if read_at is None:
        return None
    names = frozenset(lot.get("shown") or ALWAYS_SHOWN)  # an older process judged it
    places = lot.get("places", PLACES)
    return Shown(marketplace=marketplace, said=fields_of(lot), names=names, places=places, read_at=read_at)


def _moment_in(lot: Mapping[str, Any]) -> datetime | None:
    return datetime.fromisoformat(counted) if (counted := lot.get("counted_at")) else None


def _stock_then(candidates: Sequence[Mapping[str, Any]], lot_id: str | None) -> int | None:
    return next((one.get("stock") for one in candidates if one["lot_id"] == lot_id), None)


async def lots_of_rows(conn: AsyncConnection, import_id: str, numbers: Set[int]) -> dict[int, str]:
    """By number: the lots that rows became or changed; rows that did neither are not there."""
    if not numbers:
        return {}
    query = select(_ROWS.number, _ROWS.lot_id).where(
        _ROWS.import_id == import_id, _ROWS.number.in_(sorted(numbers)), _ROWS.lot_id.is_not(None)
    )
    return {row.number: row.lot_id for row in await conn.execute(query)}


_NAME_LOTS: Final = text("""
    UPDATE import_rows SET lot_id = made.lot_id
    FROM unnest(CAST(:numbers AS integer[]), CAST(:lot_ids AS uuid[])) AS made (number, lot_id)
    WHERE import_rows.import_id = :import_id AND import_rows.number = made.number
""")
_REFUSE: Final = text("""
    UPDATE import_rows SET lot = NULL, reason = refused.reason
    FROM unnest(CAST(:numbers AS integer[]), CAST(:reasons AS text[])) AS refused (number, reason)
    WHERE import_rows.import_id = :import_id AND import_rows.number = refused.number
""")


async def name_lots(conn: AsyncConnection, import_id: str, lot_ids: Mapping[int, str]) -> None:
    """Write down which rows became, or changed, which lots."""
    if lot_ids:
        values: dict[str, Any] = {"numbers": list(lot_ids), "lot_ids": list(lot_ids.values())}
        await conn.execute(_NAME_LOTS, values | {"import_id": import_id})


async def refuse_rows(conn: AsyncConnection, import_id: str, reasons: Mapping[int, str]) -> None:
    """Write down which rows could not become what they were to become, and why."""
    if reasons:
        values: dict[str, Any] = {"numbers": list(reasons), "reasons": list(reasons.values())}
        await conn.execute(_REFUSE, values | {"import_id": import_id})
