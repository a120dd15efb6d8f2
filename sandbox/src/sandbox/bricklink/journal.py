"""What is kept of BrickLink's shops beside what all have: the timestamps and nonces that keys used up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.bricklink.entities import Lot, Order
from sandbox.bricklink.oauth import Keys, Use
from sandbox.bricklink.switches import Switches
from sandbox.hosting import journal

NAME = "bricklink"

_USES = """
CREATE TABLE IF NOT EXISTS uses (
    shop TEXT NOT NULL REFERENCES shops ON DELETE CASCADE, timestamp INTEGER NOT NULL, nonce TEXT NOT NULL,
    PRIMARY KEY (shop, timestamp, nonce)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a shop was made with."""

    keys: Keys
    seller_name: str
    currency: str
    switches: Switches


StoredShop = journal.StoredShop[Settings, Lot, Order]


class Journal(journal.Journal[Settings, Lot, Order]):
    """The file of BrickLink's shops."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder, marketplace=NAME, settings=Settings, lot=Lot, order=Order, more_tables=_USES)

    def save_use(self, name: str, use: Use) -> None:
        """Write what a signed request used up."""
        self._db.execute("INSERT OR IGNORE INTO uses VALUES (?, ?, ?)", (name, use.timestamp, use.nonce))

    def load_uses(self, name: str) -> list[Use]:
        """Return what a shop's keys used up, oldest first."""
        rows = self._db.execute("SELECT timestamp, nonce FROM uses WHERE shop = ? ORDER BY timestamp", (name,))
        return [Use(*row) for row in rows]

    def prune(self, name: str, now: datetime) -> None:
        """Forget what no rule looks at any more, uses of past days too."""
        super().prune(name, now)
        yesterday = int((now - timedelta(days=2)).timestamp())
        self._db.execute("DELETE FROM uses WHERE shop = ? AND timestamp < ?", (name, yesterday))
