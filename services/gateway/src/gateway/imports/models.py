"""Imports as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

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
    DIFFERENT = "different"
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


class Aspect(StrEnum):
    """What is decided together where a listing and its lot differ."""

    QUANTITY = "quantity"
    PRICE = "price"
    REST = "rest"


class Whose(StrEnum):
    """Whose value is taken: the lot's, or the listing's."""

    OURS = "ours"
    THEIRS = "theirs"


class Differing(BaseModel):
    """How many different rows differ in what; one may differ in several."""

    quantity: int
    price: int = Field(description="Price, sale, tiers or bulk.")
    rest: int = Field(description="Any other field.")


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
    different_rows: int = Field(description="Listings of which one lot is meant that says something else.")
    differing: Differing = Field(description="In what they differ.")
    unmatched_lots: int = Field(
        description="Lots with pieces that have no listing in this shop and that no row may stand for: your other"
        " shop's alone. They are made here once you agree to the plan."
    )
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


class FieldDifference(BaseModel):
    """A field of a lot that a listing shows otherwise."""

    field: str = Field(examples=["unit_price"])
    aspect: Aspect
    ours: Any = Field(description="What the lot says, as changes show it.")
    theirs: Any = Field(
        description="What the lot would say with theirs. Of the quantity: what the listing showed when it was read,"
        " less what your other shop sold since."
    )


class Takes(Body):
    """Whose value is taken where listing and lot differ."""

    quantity: Annotated[Whose | None, word_field("Of the quantity.")] = None
    price: Annotated[Whose | None, word_field("Of price, sale, tiers and bulk.")] = None
    rest: Annotated[Whose | None, word_field("Of any other field.")] = None


class Candidate(BaseModel):
    """A lot that is equal to a row, as the preview found it."""

    lot_id: str
    quantity: int
    remarks: str
    location: str
    differences: list[FieldDifference] = Field(description="From a shop: in what it differs from the listing.")


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
    differences: list[FieldDifference] = Field(
        description="From a shop: in what its lot differed when it was compared."
    )
    takes: Takes | None = Field(
        description="Whose value is taken of what differs; null where nothing does, and before that is confirmed."
    )


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
    takes: Takes | None = Field(
        default=None,
        description="Of a row that is linked: whose values; what is not said is as `takes` of all rows says.",
    )


class Confirmation(Body):
    """What the rows of a preview become. No two may replace the same lot, or be linked with it.

    Rows of a shop become `new_lot`, `link` (the listing stands for the lot) or `skip`; matched and different ones are
    linked unless `rows` says otherwise. `takes` says whose values stay where a linked row differs from its lot.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"duplicates": "add", "rows": [{"number": 3, "choice": "new_lot"}]}}
    )

    duplicates: Annotated[Choice | None, word_field(DUPLICATES)] = None
    ambiguous: Annotated[Choice | None, word_field(AMBIGUOUS)] = None
    repeated: Annotated[Choice | None, word_field(REPEATED)] = None
    rows: list[RowChoice] = Field(default=[], description="What single rows become.")
    takes: Takes | None = Field(
        default=None,
        description="Of a shop's import: whose values are taken, but for rows that say it themselves. Required for each"
        " aspect in which a different row differs; of ambiguous rows that you link, what is not said is `ours`.",
    )
