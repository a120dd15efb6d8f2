"""Keeping the log of leases: a partition for each month, made ahead, dropped when it is older than it must be kept.

Run by the role that owns the tables, once a day or so. Where it does not run, rows go to the partition for the rest;
the next run moves them to their months.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

Cursor = psycopg.Cursor[TupleRow]

_REST: Final = sql.Identifier("lease_log_rest")
_MONTHS_AHEAD: Final = 2


class Kept(NamedTuple):
    """What a run did: the months made and dropped, as 2026_11."""

    made: list[str]
    dropped: list[str]


def keep_lease_log(url: str, *, now: datetime, kept_for: timedelta) -> Kept:
    """Makes months ahead, moves what is in the rest to its months, drops months that ended `kept_for` ago or earlier.

    One transaction, in which leases wait; `url` is that of the role that owns the tables. Raises psycopg.Error.
    """
    with psycopg.connect(url, options="-c timezone=UTC -c lock_timeout=10s") as connection:
        cursor = connection.cursor()
        cursor.execute("LOCK TABLE lease_log IN ACCESS EXCLUSIVE MODE")
        rest = _months_in_rest(cursor)
        if rest:
            cursor.execute("ALTER TABLE lease_log DETACH PARTITION lease_log_rest")
            cursor.execute("ALTER TABLE lease_log_rest RENAME TO lease_log_moving")
            cursor.execute("CREATE TABLE lease_log_rest PARTITION OF lease_log DEFAULT")
            _refuse_changes(cursor, _REST)
        there = _months_there(cursor)
        made = sorted((rest | set(_ahead(now))) - there)
        for month in made:
            _make(cursor, month)
        if rest:
            cursor.execute("INSERT INTO lease_log SELECT * FROM lease_log_moving")
            cursor.execute("DROP TABLE lease_log_moving")
        dropped = sorted(month for month in there | set(made) if _after(month) <= now - kept_for)
        for month in dropped:
            cursor.execute(sql.SQL("DROP TABLE {}").format(_table(month)))
    return Kept([_name(month) for month in made], [_name(month) for month in dropped])


def _months_in_rest(cursor: Cursor) -> set[datetime]:
    found = cursor.execute("SELECT DISTINCT date_trunc('month', at) FROM lease_log_rest").fetchall()
    return {month.astimezone(UTC) for (month,) in found}


def _months_there(cursor: Cursor) -> set[datetime]:
    tables = cursor.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'lease_log'::regclass"
        " AND relname ~ '^lease_log_[0-9]{4}_[0-9]{2}$'"
    ).fetchall()
    return {datetime.strptime(name, "lease_log_%Y_%m").replace(tzinfo=UTC) for (name,) in tables}


def _ahead(now: datetime) -> Iterator[datetime]:
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(1 + _MONTHS_AHEAD):
        yield month
        month = _after(month)


def _make(cursor: Cursor, month: datetime) -> None:
    cursor.execute(
        sql.SQL("CREATE TABLE {} PARTITION OF lease_log FOR VALUES FROM ({}) TO ({})").format(
            _table(month), sql.Literal(month), sql.Literal(_after(month))
        )
    )
    _refuse_changes(cursor, _table(month))


def _refuse_changes(cursor: Cursor, table: sql.Identifier) -> None:
    """A trigger of the whole does not see a statement about a part."""
    cursor.execute(
        sql.SQL(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ).format(table)
    )


def _after(month: datetime) -> datetime:
    return (month + timedelta(days=31)).replace(day=1)


def _name(month: datetime) -> str:
    return f"{month:%Y_%m}"


def _table(month: datetime) -> sql.Identifier:
    return sql.Identifier(f"lease_log_{_name(month)}")
