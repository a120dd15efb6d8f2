"""Imports as JSON."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class ImportFormat(StrEnum):
    """The dialect of an imported file."""

    BRICKLINK_XML = "bricklink_xml"
    BSX = "bsx"


class ImportState(StrEnum):
    """How far an import has come."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Import(BaseModel):
    """One import of a file: an operation that goes on after its request was answered."""

    import_id: str
    format: ImportFormat
    state: ImportState
    total_rows: int = Field(description="Rows in the file.")
    created_rows: int = Field(description="Rows that became lots so far.")
    refused_rows: int = Field(description="Rows that were refused; they make no lot.")
    created_at: datetime = Field(description="When it was accepted.")
    finished_at: datetime | None = Field(
        description="When its last row was done, or it was cancelled; null while it runs."
    )
    file_name: str


class RowState(StrEnum):
    """What became of a row."""

    WAITING = "waiting"
    CREATED = "created"
    REFUSED = "refused"


class ImportRow(BaseModel):
    """One row of an imported file and what became of it."""

    number: int = Field(description="The row's place among the file's items, from 1.")
    line: int = Field(description="The line of the file on which it starts, from 1.")
    state: RowState
    lot_id: str | None = Field(description="The lot that it became.")
    field: str | None = Field(description="The field at fault, in the file's words.", examples=["COLOR"])
    reason: str | None = Field(description="Why it was refused.")
