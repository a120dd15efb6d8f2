"""Imports as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.fields import Body, Int32, Text, word_field
from gateway.waiting.models import Item


class ImportFormat(StrEnum):
    """The dialect of an imported file."""

    BRICKLINK_XML = "bricklink_xml"
    BSX = "bsx"
    CSV = "csv"
    SHOP = "shop"


class ImportState(StrEnum):
    """How far an import has come."""

    CHECKING = "checking"
    PREVIEW = "preview"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Verdict(StrEnum):
    """What a row was found to be. Equal is what has the same item, colour, condition and completeness."""

    NEW = "new"
    MATCHED = "matched"
    DUPLICATE = "duplicate"
    AMBIGUOUS = "ambiguous"
    REPEATED = "repeated"
    INVALID = "invalid"
    EXCLUDED = "excluded"


class Choice(StrEnum):
    """What a row becomes."""

    ADD = "add"
    REPLACE = "replace"
    SKIP = "skip"
    NEW_LOT = "new_lot"
    LINK = "link"


class Import(BaseModel):
    """One import, of a file or from a shop: an operation that goes on after its request was answered."""

    import_id: str
    format: ImportFormat
    state: ImportState
    total_rows: int = Field(description="Rows in the file.")
    checked_rows: int = Field(description="Rows that were judged so far.")
    created_rows: int = Field(description="Rows that became lots so far.")
    updated_rows: int = Field(
        description="Rows that were added to a lot, replaced one, or were linked with one, so far."
    )
    skipped_rows: int = Field(description="Rows that become nothing because somebody chose so.")
    refused_rows: int = Field(description="Rows that were refused so far; they change nothing.")
    duplicate_rows: int = Field(description="Rows that are duplicates of a lot, as a preview found them.")
    ambiguous_rows: int = Field(description="Rows that are equal to several lots.")
    repeated_rows: int = Field(description="Rows that are equal to another row of the file.")
    matched_rows: int = Field(description="Listings that are equal to a lot in every field.")
    created_at: datetime = Field(description="When it was accepted.")
    finished_at: datetime | None = Field(
        description="When its last row was done, or it was cancelled or expired; null before."
    )
    expires_at: datetime | None = Field(description="When a preview ends that nobody confirms; null without one.")
    file_name: str
    marketplace: str | None = Field(description="The shop that it is from; null if it is of a file.")


class RowState(StrEnum):
    """What became of a row."""

    WAITING = "waiting"
    CREATED = "created"
    UPDATED = "updated"
    LINKED = "linked"
    SKIPPED = "skipped"
    REFUSED = "refused"


class Candidate(BaseModel):
    """A lot that is equal to a row, as the preview found it."""

    lot_id: str
    quantity: int
    remarks: str
    location: str


class ImportRow(BaseModel):
    """One row of an imported file and what became of it."""

    number: int = Field(description="The row's place among the file's items, from 1.")
    line: int = Field(description="The line of the file on which it starts, from 1; 0 from a shop.")
    state: RowState
    lot_id: str | None = Field(description="The lot that it became or changed.")
    field: str | None = Field(description="The field at fault, in the file's words.", examples=["COLOR"])
    reason: str | None = Field(description="Why it was refused.")
    verdict: Verdict | None = Field(
        description="What it was found to be; null while it is not judged, and for good rows without a preview."
    )
    duplicate_lot_id: str | None = Field(description="The lot of which it is a duplicate.")
    candidates: list[Candidate] = Field(description="The lots that are equal to it, oldest first; twenty at most.")
    repeats_row: int | None = Field(description="The number of the row that it repeats.")
    choice: Choice | None = Field(description="What it becomes; null before that is confirmed.")
    listing_id: str | None = Field(description="From a shop: the listing.")
    item: Item | None = Field(description="What a good row is of.")
    quantity: int | None = Field(description="The pieces of a good row.")


DUPLICATES = (
    "What duplicates become, but for those in `rows`: `add` their pieces to the lot; `replace`: change the lot's "
    "quantity by the file's minus that at the preview, so that sales since then stay counted, and its other fields to "
    "the file's, as far as it can say them; `skip`; `new_lot`. Required if there is one that `rows` does not name."
)
AMBIGUOUS = "What ambiguous rows become, but for those in `rows`: `skip`, also if not said, or `new_lot`."
REPEATED = (
    "What rows become that repeat another one, but for those in `rows`: `new_lot`, also if not said, `skip`, or `add` "
    "to the lot of which they are duplicates, else to the one that the repeated row becomes."
)


class RowChoice(Body):
    """What one row becomes."""

    number: Int32 = Field(description="The row's number.", examples=[3])
    choice: Annotated[Choice, word_field("What it becomes.")]
    lot_id: Text | None = Field(
        default=None,
        description="Which of its candidates is meant; required to add an ambiguous row, replace by it, or link it.",
    )


class Confirmation(Body):
    """What the rows of a preview become. No two may replace the same lot, or be linked with it.

    Rows of a shop become `new_lot`, `link` (the listing stands for the lot, and is set to what the lot says) or `skip`;
    matched ones are linked unless `rows` says otherwise.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"duplicates": "add", "rows": [{"number": 3, "choice": "new_lot"}]}}
    )

    duplicates: Annotated[Choice | None, word_field(DUPLICATES)] = None
    ambiguous: Annotated[Choice | None, word_field(AMBIGUOUS)] = None
    repeated: Annotated[Choice | None, word_field(REPEATED)] = None
    rows: list[RowChoice] = Field(default=[], description="What single rows become.")
