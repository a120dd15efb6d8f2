"""One kind of row and its table: written many at a time in one statement, read back as it was."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar, get_type_hints

from sqlalchemy import Executable, Row, Select, Table, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncengine.store.codec import decoder, encoder

R = TypeVar("R")

_ROWS_AT_ONCE = 500


class RowTable(Generic[R]):
    """How rows of one kind are kept. Each field is the column of its name.

    `derived` are further columns, which follow from the row; `beside` are those that are given when a row is written.
    """

    def __init__(
        self,
        kind: type[R],
        table: Table,
        *,
        derived: Mapping[str, Callable[[R], Any]] | None = None,
        beside: frozenset[str] = frozenset(),
    ) -> None:
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        self._derived = dict(derived or {})
        if differing := {*names, *self._derived, *beside} ^ set(table.columns.keys()):
            raise TypeError(f"{kind.__name__} and the table {table.name} differ: {', '.join(sorted(differing))}")
        self._kind = kind
        self._key = tuple(column.name for column in table.primary_key)
        self._encoders = [(name, encoder(hints[name])) for name in names]
        self._decoders = [(name, decoder(hints[name])) for name in names]
        self._insert = _insert(table)
        self._add = text(f"{self._insert.text} ON CONFLICT DO NOTHING")
        self._replace = _replace(table)
        self.select: Select[Any] = select(*(table.columns[name] for name in names))
        """All rows, as `read` and `find` want them."""

    async def find(self, conn: AsyncConnection, query: Executable, parameters: Mapping[str, Any]) -> list[R]:
        """Read the rows that a query made of `select` finds."""
        rows: list[R] = []
        for number, row in enumerate(await conn.execute(query, parameters), start=1):
            rows.append(self.read(row))
            if number % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)  # a large shop's rows keep no other connection waiting (rule L4)
        return rows

    def read(self, row: Row[Any]) -> R:
        """Make the row of what was selected."""
        return self._kind(**{name: decode(given) for (name, decode), given in zip(self._decoders, row, strict=True)})

    async def insert(self, conn: AsyncConnection, rows: Sequence[R]) -> None:
        """Write new rows, in one statement. Raises IntegrityError for one that is there already."""
        if rows:
            await conn.execute(self._insert, {"rows": json.dumps([self._json_of(row) for row in rows])})

    async def add(self, conn: AsyncConnection, row: R) -> None:
        """Write a row unless there is one with its key."""
        await conn.execute(self._add, {"rows": json.dumps([self._json_of(row)])})

    async def replace(
        self, conn: AsyncConnection, rows: Sequence[R], beside: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        """Write rows, in one statement, in place of those with the same key; of several with one key the last counts.

        `beside`: for each row, the columns that are no fields.
        """
        given = beside if beside is not None else [{}] * len(rows)
        written = [self._json_of(row) | dict(more) for row, more in zip(rows, given, strict=True)]
        last = {tuple(row[name] for name in self._key): row for row in written}
        if last:
            await conn.execute(self._replace, {"rows": json.dumps(list(last.values()))})

    def _json_of(self, row: R) -> dict[str, Any]:
        written = {name: encode(getattr(row, name)) for name, encode in self._encoders}
        for name, derive in self._derived.items():
            written[name] = derive(row)
        return written


def _insert(table: Table) -> TextClause:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return text(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns}"  # noqa: S608 - the names are ours
        f" FROM jsonb_populate_recordset(CAST(NULL AS {table.name}), CAST(:rows AS jsonb))"
    )


def _replace(table: Table) -> TextClause:
    key = ", ".join(f'"{column.name}"' for column in table.primary_key)
    changed = ", ".join(
        f'"{column.name}" = excluded."{column.name}"' for column in table.columns if not column.primary_key
    )
    return text(f"{_insert(table).text} ON CONFLICT ({key}) DO UPDATE SET {changed}")
