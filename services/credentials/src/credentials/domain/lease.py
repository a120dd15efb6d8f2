"""A lease: keys lent to a sync service for a while, and the line that the log keeps of the asking."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from credentials.domain.keys import Keys
from credentials.domain.lifecycle import Origin

LONGEST_LEASE: Final = timedelta(hours=24)
"""No lease is configured to be longer, so that whoever looks for loans that last need not look further back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Keys on loan; not to be used after `expires_at`."""

    key_version: int
    expires_at: datetime
    keys: Keys


class Refusal(StrEnum):
    """Why no keys were lent."""

    CALLER_NOT_ALLOWED = "caller_not_allowed"
    NOT_FOUND = "not_found"
    OUTDATED = "outdated"
    CHAIN_BROKEN = "chain_broken"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """A row of the append-only lease log."""

    at: datetime
    caller: str
    """The name in the certificate that asked."""
    seller_id: str
    marketplace: str
    key_version: int | None = None
    """None where nothing was lent."""
    expires_at: datetime | None = None
    refusal: Refusal | None = None
    """None: the keys were lent."""
    origin: Origin
