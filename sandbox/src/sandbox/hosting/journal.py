"""Persistence: a shop survives a restart of the sandbox, kill -9 included.

One SQLite file a marketplace. Whatever a request changed is written in one transaction before its reply leaves, each
entity as one row; nothing is rewritten as a whole. `synchronous=OFF` is safe against the death of this process (the
kernel has the pages), which is what can happen to a sandbox; it is not meant to survive the machine.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from sandbox.hosting.request_log import REQUESTS_KEPT, LoggedRequest
from sandbox.model.books import Books, Changes, LotT, OrderT
from sandbox.model.orders import Notification

E = TypeVar("E")
SettingsT = TypeVar("SettingsT")

_TABLES = """
CREATE TABLE IF NOT EXISTS shops (
    name TEXT PRIMARY KEY, place INTEGER NOT NULL, settings TEXT NOT NULL,
    next_lot_id INTEGER NOT NULL, next_order_id INTEGER NOT NULL, next_notification_id INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS entities (
    shop TEXT NOT NULL REFERENCES shops ON DELETE CASCADE, kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (shop, kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counted_calls (
    shop TEXT NOT NULL REFERENCES shops ON DELETE CASCADE, counter TEXT NOT NULL, step INTEGER NOT NULL,
    calls INTEGER NOT NULL, PRIMARY KEY (shop, counter, step)
) WITHOUT ROWID;
"""


class _Kind(Generic[E]):
    """How one kind of entity is kept."""

    def __init__(self, name: str, entity: type[E]) -> None:
        self.name = name
        self._adapter = TypeAdapter(entity)

    def dump(self, entity: E) -> str:
        return self._adapter.dump_json(entity).decode()

    def load(self, body: str) -> E:
        return self._adapter.validate_json(body)


_NOTIFICATIONS = _Kind("notification", Notification)
_REQUESTS = _Kind("request", LoggedRequest)


@dataclass(frozen=True, kw_only=True)
class StoredShop(Generic[SettingsT, LotT, OrderT]):
    """Everything that is kept of one shop."""

    name: str
    place: int
    settings: SettingsT
    next_lot_id: int
    next_order_id: int
    next_notification_id: int
    lots: dict[int, LotT]
    orders: dict[int, OrderT]
    notifications: dict[int, Notification]
    requests: list[LoggedRequest]
    calls: dict[str, dict[int, int]]
    """Calls by counter and step."""


class StateInUse(Exception):
    """Another process has this state folder open."""


class Journal(Generic[SettingsT, LotT, OrderT]):
    """The file; or, without a folder, a database in memory that is gone with the process."""

    def __init__(
        self,
        folder: Path | None,
        *,
        marketplace: str,
        settings: type[SettingsT],
        lot: type[LotT],
        order: type[OrderT],
        more_tables: str = "",
    ) -> None:
        self._settings = TypeAdapter(settings)
        self._lots, self._orders = _Kind("lot", lot), _Kind("order", order)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(":memory:" if folder is None else folder / f"{marketplace}.sqlite3", timeout=0)
        self._db.isolation_level = None
        try:
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_TABLES + more_tables)
        except sqlite3.OperationalError as error:
            self._db.close()
            raise StateInUse(f"The state in {folder} cannot be opened: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def save_shop(self, name: str, place: int, settings: SettingsT, shop: Books[Any, Any]) -> None:
        """Write a shop's settings and counters."""
        self._db.execute(
            "INSERT INTO shops VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET settings = excluded.settings",
            (
                name,
                place,
                self._settings.dump_json(settings).decode(),
                *(shop.next_lot_id, shop.next_order_id, shop.next_notification_id),
            ),
        )

    def remove_shop(self, name: str) -> None:
        """Forget a shop with all it had."""
        self._db.execute("DELETE FROM shops WHERE name = ?", (name,))

    def save_changes(self, name: str, changes: Changes[LotT, OrderT], shop: Books[LotT, OrderT]) -> None:
        """Write the entities that changed, and the counters that gave them their ids."""
        if not (changes.lots or changes.orders or changes.notifications):
            return
        self._save(name, self._lots, {lot_id: change.after for lot_id, change in changes.lots.items()})
        self._save(name, self._orders, changes.orders)
        self._save(name, _NOTIFICATIONS, changes.notifications)
        self._db.execute(
            "UPDATE shops SET next_lot_id = ?, next_order_id = ?, next_notification_id = ? WHERE name = ?",
            (shop.next_lot_id, shop.next_order_id, shop.next_notification_id, name),
        )

    def save_request(self, name: str, request: LoggedRequest) -> None:
        """Write a logged request as it is now."""
        self._save(name, _REQUESTS, {request.number: request})

    def save_calls(self, name: str, counter: str, step: int, calls: int) -> None:
        """Write how many calls a counter has in a step."""
        self._db.execute("INSERT OR REPLACE INTO counted_calls VALUES (?, ?, ?, ?)", (name, counter, step, calls))

    def load(self) -> list[StoredShop[SettingsT, LotT, OrderT]]:
        """Return every shop, in the order in which they were made."""
        rows = self._db.execute(
            "SELECT name, place, settings, next_lot_id, next_order_id, next_notification_id FROM shops ORDER BY place"
        ).fetchall()
        return [
            StoredShop(
                name=name,
                place=place,
                settings=self._settings.validate_json(settings),
                next_lot_id=next_lot_id,
                next_order_id=next_order_id,
                next_notification_id=next_notification_id,
                lots=self._load(name, self._lots),
                orders=self._load(name, self._orders),
                notifications=self._load(name, _NOTIFICATIONS),
                requests=list(self._load(name, _REQUESTS).values()),
                calls=self._load_calls(name),
            )
            for name, place, settings, next_lot_id, next_order_id, next_notification_id in rows
        ]

    def prune(self, name: str, now: datetime) -> None:
        """Forget what no rule looks at any more: calls of past days, all but the newest requests."""
        self._db.execute("DELETE FROM counted_calls WHERE shop = ? AND step < ?", (name, _two_days_before(now)))
        self._db.execute(
            "DELETE FROM entities WHERE shop = ?1 AND kind = ?2 AND id <= "
            "(SELECT max(id) FROM entities WHERE shop = ?1 AND kind = ?2) - ?3",
            (name, _REQUESTS.name, REQUESTS_KEPT),
        )

    def _save(self, name: str, kind: _Kind[E], entities: Mapping[int, E | None]) -> None:
        gone = [(name, kind.name, entity_id) for entity_id, entity in entities.items() if entity is None]
        kept = [
            (name, kind.name, entity_id, kind.dump(entity))
            for entity_id, entity in entities.items()
            if entity is not None
        ]
        if gone:
            self._db.executemany("DELETE FROM entities WHERE shop = ? AND kind = ? AND id = ?", gone)
        if kept:
            self._db.executemany("INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?)", kept)

    def _load(self, name: str, kind: _Kind[E]) -> dict[int, E]:
        rows: Iterable[tuple[int, str]] = self._db.execute(
            "SELECT id, body FROM entities WHERE shop = ? AND kind = ? ORDER BY id", (name, kind.name)
        )
        return {entity_id: kind.load(body) for entity_id, body in rows}

    def _load_calls(self, name: str) -> dict[str, dict[int, int]]:
        calls: dict[str, dict[int, int]] = {}
        for counter, step, count in self._db.execute(
            "SELECT counter, step, calls FROM counted_calls WHERE shop = ?", (name,)
        ):
            calls.setdefault(counter, {})[step] = count
        return calls


def _two_days_before(now: datetime) -> int:
    return int((now - timedelta(days=2)).timestamp())
