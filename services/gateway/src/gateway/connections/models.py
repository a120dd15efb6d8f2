"""Connections as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, SecretStr, Tag

from gateway.fields import Body, Text, carriable


def _carriable_secret(secret: SecretStr) -> SecretStr:
    carriable(secret.get_secret_value())
    return secret


Secret = Annotated[SecretStr, AfterValidator(_carriable_secret)]


class BrickLinkKeys(Body):
    """The four values that BrickLink issues to a store."""

    consumer_key: Secret
    consumer_secret: Secret
    token: Secret
    token_secret: Secret


class BrickOwlKeys(Body):
    """What Brick Owl issues to a user."""

    key: Secret


def _whose(keys: object) -> str:
    """Tell whose keys these are meant to be: Brick Owl has one, and calls it so."""
    is_brickowl = "key" in keys if isinstance(keys, dict) else isinstance(keys, BrickOwlKeys | BrickOwlKeysChange)
    return "brickowl" if is_brickowl else "bricklink"


AnyKeys = Annotated[
    Annotated[BrickLinkKeys, Tag("bricklink")] | Annotated[BrickOwlKeys, Tag("brickowl")], Discriminator(_whose)
]


class NewConnection(Body):
    """A shop to be connected, or new keys for one."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "keys": {"consumer_key": "...", "consumer_secret": "...", "token": "...", "token_secret": "..."},
                "shop_is_empty": True,
                "shop_name": "demo_seller",
                "currency": "EUR",
            }
        }
    )

    keys: AnyKeys = Field(description="Stored encrypted; they never come out here again.")
    shop_is_empty: bool = Field(
        default=False,
        description="Whether the shop has no listings. In one that has, nothing is changed before you confirm.",
    )
    shop_name: Text = Field(description="The shop's name as its marketplace shows it.", examples=["demo_seller"])
    currency: str = Field(description="The shop's currency, ISO 4217.", pattern="^[A-Z]{3}$", examples=["EUR"])


class BrickLinkKeysChange(Body):
    """New values for some of the four; one that is left out stays as it is."""

    consumer_key: Secret | None = None
    consumer_secret: Secret | None = None
    token: Secret | None = None
    token_secret: Secret | None = None


class BrickOwlKeysChange(Body):
    """A new key."""

    key: Secret


AnyKeysChange = Annotated[
    Annotated[BrickLinkKeysChange, Tag("bricklink")] | Annotated[BrickOwlKeysChange, Tag("brickowl")],
    Discriminator(_whose),
]


class KeysChanged(Body):
    """New values for some of a shop's keys."""

    model_config = ConfigDict(json_schema_extra={"example": {"keys": {"token": "...", "token_secret": "..."}}})

    keys: AnyKeysChange = Field(description="At least one. They never come out here again.")


class ConnectionState(StrEnum):
    """What a connection does."""

    NOT_CONNECTED = "not_connected"
    CONNECTING = "connecting"
    MATCHING = "matching"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    READY = "ready"
    WAITING = "waiting"
    PAUSED = "paused"
    HALTED = "halted"
    UNAVAILABLE = "unavailable"


class TierBudget(BaseModel):
    """The calls of one rank."""

    tier: str = Field(description="Most urgent first; READ is looks, order reads and the like.", examples=["DECREASE"])
    used: int = Field(description="In the last 24 hours.")
    left: int = Field(description="That may be made now. All writes share what reads have not reserved.")


class Budget(BaseModel):
    """The calls that the marketplace allows a seller."""

    calls_used: int = Field(description="In the last 24 hours, all kinds.")
    calls_limit: int = Field(description="What we allow ourselves in 24 hours.")
    tiers: list[TierBudget]


class ReasonCount(BaseModel):
    """How many lots wait for a person for one reason: see /waiting."""

    reason: str = Field(examples=["NUMBER_UNEXPLAINED"])
    message: str = Field(description="The same in words.")
    lots: int


class Progress(BaseModel):
    """How far matching has come."""

    step: str = Field(
        description="WAITING_FOR_LOTS, READING_THE_SHOP, RECORDING or LOOKING_UP_ITEMS.", examples=["READING_THE_SHOP"]
    )
    lots: int = Field(description="Lots known so far.")


class Alarm(BaseModel):
    """A list of the whole shop that was not believed: see /alarm."""

    alarm: str = Field(examples=["MANY_ARE_MISSING"])
    missing: int = Field(description="Listings of ours that it lacked.")
    message: str = Field(description="What it may mean, and what to do.")
    read_at: datetime | None


class OtherShop(BaseModel):
    """A shop of another name than the one that was connected: see /shop."""

    pinned_name: str = Field(description="The shop that was connected.")
    shown_name: str = Field(description="The one that the keys open.")


class Match(BaseModel):
    """What matching the lots with the shop's listings found."""

    linked: int = Field(description="Lots that a listing stands for.")
    to_create: int = Field(description="Lots without a listing, to be created.")
    ambiguous: int = Field(description="Lots that listings resemble, but not in every field: a person decides.")
    unowned: int = Field(description="Listings that no lot owns; they are left alone.")
    different: int = Field(description="Linked lots whose quantity differs from the shop's: see /differences.")


class BatchKind(BaseModel):
    """A kind of call that asks the shop for several things."""

    kind: str = Field(
        description="CREATES, READS, HIDDEN_QUANTITIES, or the field that such calls write.", examples=["CREATES"]
    )
    used: bool = Field(description="Whether a first small one was seen to be done; else each thing is asked for alone.")
    message: str = Field(description="The same in words.")


class ConnectionSync(BaseModel):
    """What the service that keeps the shop in step says."""

    last_census_at: datetime | None = Field(description="When the shop was last matched as a whole.")
    last_order_read_at: datetime | None = Field(description="When its orders were last read.")
    last_ping_at: datetime | None = Field(description="When the marketplace last pinged that there is something new.")
    budget: Budget
    waiting_until: datetime | None = Field(description="Until when it waits, where that is known.")
    paused_at: datetime | None = Field(description="Since when a person has paused it.")
    oldest_waiting_at: datetime | None = Field(
        description="Since when the change has waited that has waited longest of those that could be sent now."
    )
    reasons: list[ReasonCount] = Field(description="Lots that wait for a person, by reason.")
    progress: Progress | None = Field(description="null once the shop is matched.")
    alarm: Alarm | None = Field(description="null if the last list was believed.")
    other_shop: OtherShop | None = Field(description="null unless that halted the connection.")
    batches: list[BatchKind] = Field(description="What the shop was seen to do, or not, when asked for several things.")
    waiting_lots: int = Field(description="Lots with something to send.")
    unknown_lots: int = Field(description="Lots whose last write has an unknown outcome; it is looked at.")
    match: Match | None


class Connection(BaseModel):
    """A seller's shop at one marketplace."""

    marketplace: str = Field(examples=["bricklink"])
    state: ConnectionState
    reason: str | None = Field(description="A constant word for the reason of the state.", examples=["WRONG_KEY"])
    message: str | None = Field(description="The same in words, with what to do.")
    configured: bool = Field(description="Whether keys are stored.")
    key_version: int = Field(description="Up by one with each set of keys; 0: never any.")
    shop_name: str | None
    currency: str | None
    shop_is_empty: bool | None
    connected_at: datetime | None
    updated_at: datetime | None = Field(description="When keys were last put, rotated or revoked.")
    updated_by: str | None = Field(description="Who did that: an opaque id.")
    lease_expires_at: datetime | None = Field(
        description="Until when the service that calls the shop may hold the keys, also ones revoked since; null if it "
        "holds none. Told where a connection is read."
    )
    validated_at: datetime | None = Field(
        description="When these keys were last tested; null if they never were. Told where a connection is read."
    )
    validation: str | None = Field(description="What that came to: OK, or a constant word.", examples=["WRONG_KEY"])
    sync: ConnectionSync | None = Field(description="null while nothing is connected or nobody can tell.")


class ConnectionTested(BaseModel):
    """What a test of a shop's keys came to."""

    ok: bool = Field(description="Whether the shop let us in.")
    reason: str | None = Field(description="A constant word for why not.", examples=["WRONG_KEY"])
    message: str = Field(description="The same in words, with what to do.")
    shop_name: str | None = Field(description="The shop's name as the shop itself told it; null while it has not.")
    currency: str | None = Field(description="Its currency, likewise.")
    key_version: int = Field(description="Which set of keys was tested.")
    tested_at: datetime


class Difference(BaseModel):
    """A lot whose listing shows another quantity."""

    lot_id: str
    listing_id: str
    ours: int = Field(description="Pieces by our books.")
    theirs: int = Field(description="Pieces that the shop shows.")


class SyncAsked(Body):
    """What to read ahead of its time."""

    compare: bool = Field(default=False, description="Whether the whole shop is compared too; it costs several calls.")


class SyncPlanned(BaseModel):
    """What will be read."""

    brought_forward: bool = Field(description="Whether it is read ahead of its time; if not, the message says why.")
    message: str = Field(description="What happens next.")


class FieldDefault(BaseModel):
    """What a field is in this shop where a lot does not say it."""

    field: str = Field(description="By its name at the marketplace.", examples=["grade"])
    value: str = Field(description="In the marketplace's words.", examples=["usedg"])
    choices: list[str] = Field(description="What it may be, the usual first.", examples=[["usedg", "usedn", "useda"]])


class DefaultChanged(Body):
    """What a field is to be where a lot does not say it."""

    model_config = ConfigDict(json_schema_extra={"example": {"value": "usedn"}})

    value: Text = Field(description="One of its choices.")


class DefaultPlanned(BaseModel):
    """What follows."""

    default: FieldDefault
    message: str = Field(description="What happens next.")


class RetryAsked(Body):
    """What to try again: one of the two."""

    lot_id: Text | None = Field(default=None, description="All that was set aside of this lot.")
    reason: Text | None = Field(
        default=None, description="What was set aside of any lot for this reason.", examples=["APPLIED_TWICE"]
    )


class RetryPlanned(BaseModel):
    """What is tried again."""

    lots: int = Field(description="How many lots.")
    message: str = Field(description="What happens next.")


class PingAddress(BaseModel):
    """Where a marketplace's pings may come to."""

    path: str = Field(
        description="The address is that of this API with this path. Whoever knows it can have orders read sooner, "
        "within a small share of the shop's calls, and nothing else.",
        examples=["/pings/bricklink/4f9bF2n0yQeGpD1hC8mZ3uXkTq6wR5sVaJ7oLiEtBcY"],
    )
