"""The record of a shop's keys as JSON."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class KeyEventKind(StrEnum):
    """What happened to keys."""

    PUT = "put"
    ROTATE = "rotate"
    RESEAL = "reseal"
    REVOKE = "revoke"


class KeyEvent(BaseModel):
    """What happened to a shop's keys; never altered."""

    kind: KeyEventKind = Field(
        description="put: all were stored; rotate: some were replaced; reseal: they were encrypted anew, unchanged; "
        "revoke: they were destroyed."
    )
    key_version: int = Field(description="The version that it made or destroyed.")
    at: datetime
    actor: str = Field(description="Who: the opaque id of a user, or the service that keeps the keys.")
    certificate: str | None = Field(
        description="The SHA-256 of the certificate that brought the request; null if it was typed by hand."
    )
    correlation_id: str
    position: int | None = Field(
        description="Its place in the seller's chain, in which each row vouches for those before it; null in rows from "
        "before there were chains."
    )


class KeyLease(BaseModel):
    """Somebody asked for a shop's keys."""

    at: datetime
    caller: str = Field(description="The service that asked, by its certificate.", examples=["sync-bricklink"])
    granted: bool = Field(description="Whether they were lent.")
    refusal: str | None = Field(description="A constant word for why not.", examples=["caller_not_allowed"])
    key_version: int | None = Field(description="Which version was lent.")
    expires_at: datetime | None = Field(description="Until when.")
    certificate: str | None = Field(description="The SHA-256 of the certificate that asked.")
    correlation_id: str
