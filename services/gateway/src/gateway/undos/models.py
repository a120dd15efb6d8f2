"""Undos as JSON."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class ImportUndoState(StrEnum):
    """How far the undo of an import has come."""

    RUNNING = "running"
    DONE = "done"


class UndoRefusal(BaseModel):
    """A change that could not be undone; its lot stays as it is."""

    change_id: str
    lot_id: str
    reason: str


class ImportUndo(BaseModel):
    """The undo of a whole import: it goes on by itself."""

    import_id: str
    state: ImportUndoState
    total_changes: int = Field(description="Changes of the import that were not undone when this was accepted.")
    undone_changes: int
    refused_changes: int
    refusals: list[UndoRefusal] = Field(description="The first hundred of those that were refused.")
    created_at: datetime
    finished_at: datetime | None = Field(description="Null while it runs.")
    redo: bool = Field(description="It undoes the last undo: the import stands again as it was.")
