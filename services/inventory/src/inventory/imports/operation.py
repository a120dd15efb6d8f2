"""An import: what was accepted, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from inventory.domain.lot import Item, LotFields
from inventory.domain.money import PLACES


class ImportStage(StrEnum):
    """What is done, or waited for, next."""

    CHECKING = "CHECKING"
    PREVIEW = "PREVIEW"
    RUNNING = "RUNNING"
    LINKING = "LINKING"
    """RUNNING, of an import from a shop: code that knows nothing of listings leaves it alone."""
    TAKING = "TAKING"
    """LINKING, where lots take what is theirs: code that would link them only leaves it alone."""


class ImportState(StrEnum):
    """How far an import has come."""

    CHECKING = "CHECKING"
    PREVIEW = "PREVIEW"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Verdict(StrEnum):
    """What a row was found to be, as ImportVerdict in `import.proto` tells it."""

    NEW = "NEW"
    MATCHED = "MATCHED"
    DIFFERENT = "DIFFERENT"
    DUPLICATE = "DUPLICATE"
    AMBIGUOUS = "AMBIGUOUS"
    REPEATED = "REPEATED"
    INVALID = "INVALID"
    EXCLUDED = "EXCLUDED"


class Choice(StrEnum):
    """What a row becomes, as ImportChoice in `import.proto` tells it."""

    ADD = "ADD"
    REPLACE = "REPLACE"
    SKIP = "SKIP"
    NEW_LOT = "NEW_LOT"
    LINK = "LINK"


class NothingToImport(Exception):
    """Every listing of the shop is a lot's, or there is none."""

    def __init__(self) -> None:
        super().__init__("The shop lists nothing that is not a lot of yours already.")


class ImportIsOver(Exception):
    """All its rows are done, or it expired: there is nothing left to cancel."""

    def __init__(self) -> None:
        super().__init__("This import is over.")


class ImportNotInPreview(Exception):
    """There is nothing to confirm: not yet, no more, or never."""

    def __init__(self, state: ImportState) -> None:
        super().__init__(f"This import is {state.lower()}, not a preview that waits to be confirmed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import of a file, or from a shop; it goes on by itself after it was accepted."""

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
    """The place of the last row that is done."""
    created_at: datetime
    finished_at: datetime | None
    stage: ImportStage
    preview: bool
    """Whether it waits for a person after the check."""
    fields: Sequence[str]
    """The fields of a lot that the file can say, besides item and quantity."""
    judged_rows: int
    duplicate_rows: int = 0
    ambiguous_rows: int = 0
    repeated_rows: int = 0
    updated_rows: int = 0
    skipped_rows: int = 0
    expires_at: datetime | None = None
    marketplace: str = ""
    """The shop that it is from; empty if it is of a file."""
    matched_rows: int = 0
    different_rows: int = 0
    different_quantity_rows: int = 0
    different_price_rows: int = 0
    different_rest_rows: int = 0
    unmatched_lots: int = 0
    """Lots with pieces that are not in the shop, and that no row may stand for."""

    @property
    def state(self) -> ImportState:
        """Derived: one that ended with rows left was cancelled, or expired."""
        if self.finished_at is None:
            is_linking = self.stage in {ImportStage.LINKING, ImportStage.TAKING}
            return ImportState.RUNNING if is_linking else ImportState[self.stage]
        done = self.created_rows + self.updated_rows + self.skipped_rows + self.refused_rows
        if done == self.total_rows:
            return ImportState.DONE
        return ImportState.EXPIRED if self.is_expired(self.finished_at) else ImportState.CANCELLED

    def is_expired(self, now: datetime) -> bool:
        """Whether nobody confirmed it in time."""
        return self.stage is ImportStage.PREVIEW and self.expires_at is not None and self.expires_at <= now

    @property
    def checked_rows(self) -> int:
        """How many rows were judged; what older code accepted was judged before."""
        return self.judged_rows if self.stage is ImportStage.CHECKING else self.total_rows


@dataclass(slots=True)
class Row:
    """A row as it stands in the file."""

    line: int
    """The line on which it starts, from 1."""
    tags: dict[str, str] = field(default_factory=dict)
    """Its texts, by the file's own words."""
    fault: tuple[str, str] | None = None
    """What cannot be read of it, in the file's words, and the reason."""


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
    excluded: bool = False
    """Whether it was refused because the file itself says so."""
    known_as: str = ""
    """How the file, or the shop, calls the lot, if it does: by our id, or by that of a listing."""
    listing_id: str = ""
    """In an import from a shop: the listing."""
    counted_at: datetime | None = None
    """When its pieces were counted, by the shop's clock (rule C3); None: when the row becomes a lot."""
    shown: Sequence[str] = ()
    """In an import from a shop: the fields that it shows."""
    places: int = PLACES
    """The decimal places of its prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A row of an import and what became of it."""

    number: int
    line: int
    lot_id: str | None
    field: str
    reason: str
    verdict: Verdict | None
    duplicate_of: str | None
    candidates: Sequence[Mapping[str, Any]]
    """Each with lot_id, quantity, reserved, remarks, location; from a shop also with stock (quantity and sold) and
    differences, each with field, ours and theirs as changes show them."""
    repeats: int | None
    choice: Choice | None
    listing_id: str
    differing: Sequence[str]
    """The aspects in which it differs from its lot."""
    takes: Sequence[str]
    """Those of them of which theirs is taken."""
    item: Item | None
    """Of a good row."""
    quantity: int
