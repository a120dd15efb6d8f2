"""Changes as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


class ChangeType(StrEnum):
    """What kind of change it was."""

    CREATED = "created"
    UPDATED = "updated"
    ADJUSTED = "adjusted"
    ARCHIVED = "archived"
    RESTORED = "restored"
    SOLD = "sold"
    RETURNED = "returned"


class ChangeSource(StrEnum):
    """What caused a change."""

    USER = "user"
    IMPORT = "import"
    ORDER = "order"
    RETURN = "return"
    UNDO = "undo"


class OrderReference(BaseModel):
    """A line of an order."""

    marketplace: str
    order_id: str
    listing_id: str


class Change(BaseModel):
    """A recorded fact about a lot; never altered, never removed."""

    change_id: str
    lot_id: str
    revision: int = Field(description="The lot's revision after it.")
    type: ChangeType
    source: ChangeSource
    actor: str = Field(description="Who: the opaque id of a user, or the service that counted an order.")
    reason: str = Field(description="Why, in the words of whoever did it; may be empty.")
    recorded_at: datetime
    before: dict[str, Any] = Field(
        description="The changed fields before, by the names of a lot; empty for a creation. Money is a string."
    )
    after: dict[str, Any] = Field(description="The changed fields after.")
    quantity_delta: int = Field(description="By how much the pieces for sale changed.")
    reserved_delta: int = Field(description="By how much the pieces set aside changed.")
    correlation_id: str
    order: OrderReference | None = Field(
        description="The line that was counted or of which pieces came back; set if an order or a return is the source."
    )
    import_id: str | None = Field(description="Set if the source is an import.")
    bulk_edit_id: str | None = Field(description="Set if it is one of many that a person made at once.")
    undone_by: str | None = Field(description="The change that undid it, which may have been undone in turn.")
    undoes: str | None = Field(description="The change that it undid.")
