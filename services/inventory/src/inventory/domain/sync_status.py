"""How far a lot has come in a shop: derived from its revisions and the last report, never set by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from inventory.domain.lot import FieldGroup


class SyncState(StrEnum):
    """How far a lot, or a group of its fields, has come in one shop; the later, the more a person should know of it."""

    SYNCED = "SYNCED"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    FAILED = "FAILED"
    CONFLICT = "CONFLICT"
    NOT_CONNECTED = "NOT_CONNECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """What a sync service said of one field group."""

    state: SyncState
    settled_revision: int
    """The newest revision whose values of this group the shop was seen to hold."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LotReport:
    """What a sync service said last of one lot."""

    listing_id: str
    desired_revision: int
    """The revision that it speaks of."""
    groups: Mapping[FieldGroup, GroupReport]
    is_stale: bool = False
    """A newer report could not be read (rule T5)."""
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """How far one field group has come."""

    group: FieldGroup
    state: SyncState
    settled_revision: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopStatus:
    """How far a lot has come in one shop: the least far of its groups."""

    marketplace: str
    state: SyncState
    listing_id: str = ""
    groups: Sequence[GroupStatus] = ()
    updated_at: datetime | None = None


SEVERITY: Final = {state: rank for rank, state in enumerate(SyncState)}
"""By how much a person should know of it."""
_UNREADABLE: Final = "The shop service's last report on this lot could not be read yet."


def shop_status(
    marketplace: str, group_revisions: Mapping[FieldGroup, int], report: LotReport | None, *, connected: bool
) -> ShopStatus:
    """Derive the status of a lot whose field groups last changed at these revisions.

    `connected` says whether the seller has or had a shop there.
    """
    if report is None and not connected:
        return ShopStatus(marketplace=marketplace, state=SyncState.NOT_CONNECTED)
    groups = [_group_status(group, group_revisions[group], report) for group in FieldGroup]
    return ShopStatus(
        marketplace=marketplace,
        state=max((group.state for group in groups), key=SEVERITY.__getitem__),
        listing_id=report.listing_id if report else "",
        groups=groups,
        updated_at=report.updated_at if report else None,
    )


def _group_status(group: FieldGroup, changed_at: int, report: LotReport | None) -> GroupStatus:
    told = report.groups.get(group) if report else None
    if report is None or told is None:
        return GroupStatus(group=group, state=SyncState.PENDING)
    state, reason = told.state, told.reason
    if state is SyncState.FAILED and report.desired_revision < changed_at:
        state, reason = SyncState.PENDING, ""  # what was refused is no longer what the lot says
    if state is SyncState.SYNCED and told.settled_revision < changed_at:
        state = SyncState.PENDING
    if report.is_stale and state in {SyncState.SYNCED, SyncState.PENDING}:
        state, reason = SyncState.PENDING, _UNREADABLE
    return GroupStatus(group=group, state=state, settled_revision=told.settled_revision, reason=reason)
