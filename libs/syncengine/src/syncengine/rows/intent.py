"""What the engine meant to send, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from syncengine.listing import Group, ListingId, LotId, SellerId
from syncengine.marketplace import Write
from syncengine.settings import Settings

IntentId = NewType("IntentId", str)


NO_ID_IN_REPLY = "NO_ID_IN_REPLY"
"""Why the outcome of a create is open though the shop said that it was done."""


class Fate(StrEnum):
    """What became of an intent."""

    OPEN = "open"
    """The call may be under way, or its worker may be dead."""
    UNKNOWN = "unknown"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One write, durable before its first byte leaves (rule L3)."""

    intent_id: IntentId
    seller_id: SellerId
    lot_id: LotId
    term: int
    """Of the lease under which it is sent."""
    write: Write
    groups: tuple[Group, ...]
    """The field groups that it carries."""
    revision: int
    correlation_id: str
    sent_at: datetime
    """Just before the call, by our clock."""
    deadline: timedelta
    stamp: datetime
    above_listing_id: int = 0
    """The highest listing id known then: a create's own is higher (rule N3)."""
    fate: Fate = Fate.OPEN
    reason: str = ""
    answered_at: datetime | None = None
    """When the shop answered, though not with what became of it: nothing of it lands later, or so it is taken for a
    decrease that was turned away (ADR 28)."""
    newcomers: Mapping[ListingId, int] | None = None
    """What the first whole list showed that may be this create's listing, with its pieces; None: it was empty (N3)."""
    listed_at: datetime | None = None
    """When that list was read, by our clock."""
    list_read_at: datetime | None = None
    """The same by the shop's."""
    listed_again_at: datetime | None = None
    """When a second one, a late window or more after it, was read: the two prove what both lack (rule N3)."""
    settled_at: datetime | None = None

    def looked_at_from(self, settings: Settings) -> datetime:
        """When the earliest look can say anything (rule K1)."""
        if self.answered_at is not None:
            return self.answered_at + settings.answered_look_after
        return self.sent_at + self.deadline + settings.late_window
