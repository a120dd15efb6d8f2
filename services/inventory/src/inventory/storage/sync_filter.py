"""How far lots have come in a shop, in SQL: `shop_status` of the domain once more, so that lots can be chosen by it.

A test holds the two against each other.
"""

from typing import Final

from sqlalchemy import BigInteger, ColumnElement, case, exists, func, or_

from inventory.domain.lot import FieldGroup
from inventory.domain.lot_filter import InShop
from inventory.domain.sync_status import SEVERITY, SyncState
from inventory.storage.tables import LOT_REPORTS, LOTS

_REPORT: Final = LOT_REPORTS.c
_PENDING: Final = SEVERITY[SyncState.PENDING]
_TROUBLE: Final = frozenset({SyncState.UNKNOWN, SyncState.FAILED, SyncState.CONFLICT})
"""What few lots are in, whose reports an index knows."""


def has_come_so_far(wanted: InShop, seller_id: str, *, connected: bool) -> ColumnElement[bool]:
    """Whether a lot of the seller, who has or had a shop there or not, is in one of these states."""
    reported = exists().where(
        _REPORT.lot_id == LOTS.c.lot_id, _REPORT.seller_id == seller_id, _REPORT.marketplace == wanted.marketplace
    )
    is_so = _WORST.in_(sorted(SEVERITY[state] for state in wanted.states))
    unreported = SyncState.PENDING if connected else SyncState.NOT_CONNECTED
    if unreported in wanted.states:
        return ~reported.where(~is_so)
    if wanted.states <= _TROUBLE:
        return reported.where(_REPORT.tells_trouble, is_so)
    return reported.where(is_so)


def _severity(group: FieldGroup) -> ColumnElement[int]:
    told = _REPORT.groups[group.value]
    changed_at = LOTS.c.group_revisions[group.value].astext.cast(BigInteger)
    is_behind = told["settled_revision"].astext.cast(BigInteger) < changed_at
    severities: dict[str, ColumnElement[int] | int] = {state.value: severity for state, severity in SEVERITY.items()}
    severities[SyncState.FAILED] = case(
        (_REPORT.desired_revision < changed_at, _PENDING), else_=SEVERITY[SyncState.FAILED]
    )
    severities[SyncState.SYNCED] = case((or_(_REPORT.is_stale, is_behind), _PENDING), else_=SEVERITY[SyncState.SYNCED])
    return case(severities, value=told["state"].astext, else_=_PENDING)


_WORST: Final = func.greatest(*(_severity(group) for group in FieldGroup))
