"""Changes: recorded facts about a lot, never altered and never removed (design, section 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class ChangeType(StrEnum):
    """What kind of change it was."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    ADJUSTED = "ADJUSTED"
    ARCHIVED = "ARCHIVED"
    RESTORED = "RESTORED"
    SOLD = "SOLD"
    RETURNED = "RETURNED"


class ChangeSource(StrEnum):
    """What caused a change."""

    USER = "USER"
    IMPORT = "IMPORT"
    ORDER = "ORDER"
    RETURN = "RETURN"
    UNDO = "UNDO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What something did to a lot: the fields that changed, before and after."""

    type: ChangeType
    before: Mapping[str, Any]
    """Empty for a creation."""
    after: Mapping[str, Any]
    quantity_delta: int
    reserved_delta: int

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReference:
    """The order line that a change counted, or of which pieces came back."""

    marketplace: str
    order_id: str
    listing_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who did something to a lot, when and why."""

    source: ChangeSource
    actor: str
    """The opaque id of a user, or the service that counted an order."""
    reason: str = ""
    at: datetime
    correlation_id: str
    order: OrderReference | None = None
    import_id: str | None = None
    bulk_edit_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A difference, with its cause, as it is recorded."""

    change_id: str
    lot_id: str
    seller_id: str
    revision: int
    """The lot's, after it."""
    type: ChangeType
    before: Mapping[str, Any]
    """The changed fields as JSON shows them (`values_as_json`)."""
    after: Mapping[str, Any]
    quantity_delta: int
    reserved_delta: int
    cause: Cause
    undone_by: str | None = None
    """The change that undid it, which may have been undone in turn."""
    undoes: str | None = None
    """The change that it undid."""
