"""What the mass-change guard lets go: no more removals than it may, until a person agrees (rule B5, judgement 9)."""

from dataclasses import dataclass

from syncengine.rows.intent import Intent
from syncengine.rows.listing import ListingRow
from syncengine.testing.simulation.stage import Stage


@dataclass(slots=True)
class Guarded:
    """Counts removals that no sale caused; a life is shorter than the day after which they are counted anew."""

    stage: Stage
    sent: int = 0
    """Without a person's consent, by what the engine's database can know."""
    agreed: bool = False

    def agree(self) -> None:
        """A person agrees to what is held."""
        self.agreed = True

    def begin_anew(self) -> None:
        """The engine's database was lost: what it holds now of consent and of removals is all that it knows."""
        connection = self.stage.store.tables.connections
        rows = list(connection.values())
        self.agreed = any(row.removals_agreed_at is not None for row in rows)
        self.sent = sum(row.removals for row in rows)

    def removal(self, intent: Intent, row: ListingRow) -> str:
        """A removal begins; say what is wrong with that, if anything is. What the lot became since is no part of it."""
        if self.agreed or intent.revision != row.revision or not needs_consent(row):
            return ""
        self.sent += 1
        settings, lots = self.stage.settings, len(self.stage.inventory.lots)
        free = max(settings.removals_free, settings.removals_free_share * (lots + self.sent))
        if self.sent > free:
            return f"{row.lot_id} is removed, and {self.sent - 1} were without anybody's consent"
        return ""


def needs_consent(row: ListingRow) -> bool:
    """Tell whether a lot would be removed for what users did: not for a sale, nor as another item (rule N4)."""
    is_other_item = row.listed_item not in (None, row.desired.item)
    return row.target == 0 and not row.desired.sold_out and row.uncounted <= 0 and not is_other_item
