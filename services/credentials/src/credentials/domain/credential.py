"""A credential's life: put, rotated, revoked, put anew. The keys themselves are sealed elsewhere."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from credentials.domain.errors import CredentialNotFound, FieldProblem, RecordOutdated
from credentials.domain.lifecycle import LifecycleEvent, LifecycleKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What the seller says of the shop; a sync service verifies it (rules C5, W1, W2)."""

    name: str
    currency_code: str
    is_empty: bool

    @classmethod
    def of(cls, *, name: str, currency_code: str, is_empty: bool) -> Self:
        """The shop with its name in normal form: NFC, trimmed."""
        return cls(
            name=unicodedata.normalize("NFC", name).strip(), currency_code=currency_code.strip(), is_empty=is_empty
        )

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with the fields as typed."""
        if not 1 <= len(self.name) <= 100 or not self.name.isprintable():
            yield FieldProblem("shop_name", "must be 1 to 100 printable characters")
        if not _CURRENCY.fullmatch(self.currency_code):
            yield FieldProblem("currency_code", "must be three capital letters (ISO 4217)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is known of one seller's keys at one marketplace, without the keys."""

    seller_id: str
    marketplace: str
    key_version: int
    """Up by one with each set of keys; never falls, also not over a revoke."""
    generation: int = 0
    """How often this version was sealed anew under a fresh data key."""
    seq: int
    """Of the newest event about it (rule T1)."""
    enabled: bool
    """Whether keys are stored."""
    shop: Shop
    connected_at: datetime
    """A put over live keys keeps it; one after a revoke is a reconnection and makes it later (rule C1)."""
    updated_at: datetime
    updated_by: str

    def revoked(self, *, actor: str, now: datetime) -> Self:
        """The same without keys; raises CredentialNotFound if there are none."""
        if not self.enabled:
            raise CredentialNotFound(self.marketplace)
        return replace(self, enabled=False, seq=next_seq(self.seq, now), updated_at=now, updated_by=actor)

    def resealed(self, *, now: datetime) -> Self:
        """The same with its keys sealed under a fresh data key: for whoever uses the keys nothing changes."""
        return replace(self, generation=self.generation + 1, seq=next_seq(self.seq, now))

    def event(self, kind: LifecycleKind, *, at: datetime | None = None, actor: str | None = None) -> LifecycleEvent:
        """What made it as it is, which was of this kind; by its last user and then, unless told otherwise."""
        return LifecycleEvent(
            seller_id=self.seller_id,
            marketplace=self.marketplace,
            kind=kind,
            key_version=self.key_version,
            generation=self.generation,
            at=at or self.updated_at,
            actor=actor or self.updated_by,
        )

    def must_be_newest(self, newest: LifecycleEvent | None) -> None:
        """Raises RecordOutdated unless the newest lifecycle row is about exactly this record, and no revoke."""
        mine = (self.key_version, self.generation)
        if newest is None or newest.kind is LifecycleKind.REVOKE or (newest.key_version, newest.generation) != mine:
            raise RecordOutdated(self.marketplace, mine, (newest.key_version, newest.generation) if newest else None)


def with_new_keys(
    current: Credential | None,
    highest_version: int,
    *,
    seller_id: str,
    marketplace: str,
    shop: Shop,
    actor: str,
    now: datetime,
) -> Credential:
    """The credential with new keys.

    No version is ever used twice: it is above the `highest_version` that any lifecycle row tells of, 0 if none does.
    """
    if current is None:
        connected_at = now
    elif current.enabled:
        connected_at = current.connected_at
    else:
        connected_at = max(now, current.connected_at + _MICROSECOND)
    return Credential(
        seller_id=seller_id,
        marketplace=marketplace,
        key_version=1 + max(current.key_version if current else 0, highest_version),
        seq=next_seq(current.seq if current else 0, now),
        enabled=True,
        shop=shop,
        connected_at=connected_at,
        updated_at=now,
        updated_by=actor,
    )


def next_seq(last: int, now: datetime) -> int:
    """Rises with every event, also over a lost database (rule T1)."""
    return max(last + 1, (now - _EPOCH) // _MICROSECOND)
