"""What is written down of a credential's life, and how each row vouches for those before it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LifecycleKind(StrEnum):
    """What can happen to a credential."""

    PUT = "put"
    ROTATE = "rotate"
    """Some of the values were replaced."""
    RESEAL = "reseal"
    """The same keys were sealed under a fresh data key."""
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent:
    """What was done, by whom (an opaque id), when."""

    seller_id: str
    marketplace: str
    kind: LifecycleKind
    key_version: int
    generation: int
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What an event came from: the request, and the certificate that brought it."""

    correlation_id: str
    certificate: str
    """The SHA-256 of the caller's certificate, in hexadecimal digits; empty for a command typed by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """The newest place in a seller's chain."""

    length: int
    mac: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleRow:
    """A row of the append-only lifecycle; `place` is None if it is from before there were chains."""

    lifecycle_id: int
    event: LifecycleEvent
    origin: Origin
    place: ChainHead | None
