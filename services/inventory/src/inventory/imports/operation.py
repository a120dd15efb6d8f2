"""An import: what was accepted, and how far it has come."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory.domain.lot import LotFields


class ImportState(StrEnum):
    """How far an import has come."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class ImportIsOver(Exception):
    """All its rows are done: there is nothing left to cancel."""

    def __init__(self) -> None:
        super().__init__("This import is over.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import of a file; it goes on by itself after it was accepted."""

    import_id: str
    seller_id: str
    format: str
    file_name: str
    currency: str
    actor: str
    correlation_id: str
    total_rows: int
    refused_rows: int
    created_rows: int
    last_row: int
    """The number of the last row that is done."""
    created_at: datetime
    finished_at: datetime | None

    @property
    def state(self) -> ImportState:
        """Derived: one that ended with rows left was cancelled."""
        if self.finished_at is None:
            return ImportState.RUNNING
        is_whole = self.created_rows + self.refused_rows == self.total_rows
        return ImportState.DONE if is_whole else ImportState.CANCELLED


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRow:
    """A row of a file and the verdict on it: a lot to make, or the field at fault and the reason."""

    number: int
    """Its place among the file's items, from 1."""
    line: int
    """The line of the file on which it starts, from 1."""
    lot: LotFields | None = None
    field: str = ""
    """In the file's words."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A row of an import and what became of it."""

    number: int
    line: int
    lot_id: str | None
    field: str
    reason: str
