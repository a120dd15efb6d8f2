"""How far a lot has come in a shop, derived from revisions and the last report."""

import pytest

from inventory.domain.lot import FieldGroup
from inventory.domain.sync_status import GroupReport, LotReport, SyncState, shop_status
from inventory.testing.lots import NOON

REVISIONS = {FieldGroup.QUANTITY: 5, FieldGroup.PRICE: 3, FieldGroup.TEXT: 1, FieldGroup.REST: 1}


def report(*, revision: int = 5, stale: bool = False, **groups: tuple[SyncState, int]) -> LotReport:
    """All groups synced at this revision, but for those that are named."""
    told = {group: GroupReport(state=SyncState.SYNCED, settled_revision=revision) for group in FieldGroup}
    for name, (state, settled) in groups.items():
        told[FieldGroup(name)] = GroupReport(state=state, settled_revision=settled, reason="because")
    return LotReport(listing_id="50001001", desired_revision=revision, groups=told, is_stale=stale, updated_at=NOON)


CASES = {
    "all is there": (report(), SyncState.SYNCED, {}),
    "a newer quantity waits, the other groups are there": (
        report(revision=4),
        SyncState.PENDING,
        {FieldGroup.QUANTITY: SyncState.PENDING},
    ),
    "a group settled before it changed waits": (
        report(PRICE=(SyncState.SYNCED, 2)),
        SyncState.PENDING,
        {FieldGroup.PRICE: SyncState.PENDING},
    ),
    "a group settled as it changed is there": (report(PRICE=(SyncState.SYNCED, 3)), SyncState.SYNCED, {}),
    "nobody knows": (
        report(QUANTITY=(SyncState.UNKNOWN, 4)),
        SyncState.UNKNOWN,
        {FieldGroup.QUANTITY: SyncState.UNKNOWN},
    ),
    "a refused price": (report(PRICE=(SyncState.FAILED, 1)), SyncState.FAILED, {FieldGroup.PRICE: SyncState.FAILED}),
    "a refused price that has changed since": (
        report(revision=2, PRICE=(SyncState.FAILED, 1)),
        SyncState.PENDING,
        {FieldGroup.QUANTITY: SyncState.PENDING, FieldGroup.PRICE: SyncState.PENDING},
    ),
    "a conflict outweighs a refusal": (
        report(QUANTITY=(SyncState.CONFLICT, 4), PRICE=(SyncState.FAILED, 1)),
        SyncState.CONFLICT,
        {FieldGroup.QUANTITY: SyncState.CONFLICT, FieldGroup.PRICE: SyncState.FAILED},
    ),
    "a report that could not be read": (
        report(stale=True),
        SyncState.PENDING,
        dict.fromkeys(FieldGroup, SyncState.PENDING),
    ),
}


@pytest.mark.parametrize(("told", "state", "others"), CASES.values(), ids=CASES.keys())
def test_status_of_a_reported_lot(told: LotReport, state: SyncState, others: dict[FieldGroup, SyncState]) -> None:
    status = shop_status("bricklink", REVISIONS, told, connected=True)
    assert status.state is state
    assert status.listing_id == "50001001"
    assert {group.group: group.state for group in status.groups} == dict.fromkeys(FieldGroup, SyncState.SYNCED) | others


def test_a_lot_without_report_waits_where_a_shop_is_connected() -> None:
    status = shop_status("bricklink", REVISIONS, None, connected=True)
    assert status.state is SyncState.PENDING
    assert {group.state for group in status.groups} == {SyncState.PENDING}


def test_a_seller_without_shop_is_told_so() -> None:
    status = shop_status("bricklink", REVISIONS, None, connected=False)
    assert (status.state, list(status.groups)) == (SyncState.NOT_CONNECTED, [])


def test_reasons_are_passed_on_but_not_those_of_a_refusal_that_is_over() -> None:
    current = shop_status("bricklink", REVISIONS, report(PRICE=(SyncState.FAILED, 1)), connected=True)
    over = shop_status("bricklink", REVISIONS, report(revision=2, PRICE=(SyncState.FAILED, 1)), connected=True)
    assert [group.reason for group in current.groups] == ["", "because", "", ""]
    assert [group.reason for group in over.groups] == ["", "", "", ""]
