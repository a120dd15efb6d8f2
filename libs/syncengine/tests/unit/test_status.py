"""What a seller is told of a connection, state by state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from syncengine.listing import SellerId
from syncengine.rows.connection import CensusReason, ConnectionRow, Spent
from syncengine.service import words
from syncengine.service.status import status_of
from syncengine.settings import Settings
from syncengine.testing.shop import FACTS
from syncengine.turn import PROBED

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
SETTINGS = Settings()
READY = ConnectionRow(
    seller_id=SellerId("seller"), enabled=True, census_at=NOW, baseline_at=NOW, confirmed_at=NOW, orders_read_at=NOW
)
ALL_CALLS = FACTS.limit.calls
WRITE_CALLS = ALL_CALLS * 8 // 10
NOTHING = Spent()


def state(connection: ConnectionRow | None, *, spent: Spent = NOTHING) -> tuple[str, str]:
    status = status_of(connection, FACTS, SETTINGS, spent=spent, now=NOW)
    assert status.message
    return pb.ConnectionState.Name(status.state).removeprefix("CONNECTION_STATE_"), status.reason


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (None, ("NOT_CONNECTED", "")),
        (replace(READY, enabled=False), ("NOT_CONNECTED", "")),
        (READY, ("READY", "")),
        (replace(READY, halted="WRONG_KEY", not_before=LATER), ("HALTED", "WRONG_KEY")),
        (replace(READY, not_before=LATER, waiting_for="SHOP_DOWN"), ("WAITING", "SHOP_DOWN")),
        (replace(READY, not_before=NOW, waiting_for="SHOP_DOWN"), ("READY", "")),
        (replace(READY, not_before=LATER, waiting_for="PACE"), ("READY", "")),
        (replace(READY, last_stamp=NOW + timedelta(seconds=60)), ("READY", "")),
        (replace(READY, census_reason=CensusReason.CONNECTED), ("MATCHING", "CONNECTED")),
        (replace(READY, census_reason=CensusReason.DATABASE_LOST), ("MATCHING", "DATABASE_LOST")),
        (
            replace(READY, census_reason=CensusReason.CONNECTED, census_alarm="LIST_IS_EMPTY"),
            ("HALTED", "LIST_IS_EMPTY"),
        ),
        (replace(READY, census_alarm="MANY_ARE_MISSING"), ("READY", "MANY_ARE_MISSING")),
        (replace(READY, baseline_at=None), ("MATCHING", "BASELINE_ON_ITS_WAY")),
        (replace(READY, confirmed_at=None), ("AWAITING_CONFIRMATION", "FIRST_PLAN")),
        (replace(READY, hold_increases_until=NOW), ("READY", "LATE_ORDERS")),
        (replace(READY, removals_held=30), ("AWAITING_CONFIRMATION", "MANY_REMOVALS")),
    ],
)
def test_state_and_reason(connection: ConnectionRow | None, expected: tuple[str, str]) -> None:
    assert state(connection) == expected


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        (Spent(WRITE_CALLS, WRITE_CALLS - 1), ("READY", "")),
        (Spent(WRITE_CALLS, WRITE_CALLS), ("WAITING", "QUOTA")),
        (Spent(ALL_CALLS), ("WAITING", "QUOTA")),
    ],
)
def test_spent_budget_is_told_before_the_next_call_finds_out(spent: Spent, expected: tuple[str, str]) -> None:
    assert state(READY, spent=spent) == expected


def test_sending_that_is_switched_off_is_told() -> None:
    status = status_of(READY, FACTS, replace(SETTINGS, may_send=False), spent=Spent(), now=NOW)
    assert (status.state, status.reason) == (pb.CONNECTION_STATE_WAITING, "SENDING_STOPPED")


def test_every_halt_and_census_has_words() -> None:
    assert words.HALTS.keys() >= PROBED
    assert words.MATCHING.keys() >= {reason.value for reason in CensusReason}


def test_word_that_nobody_knows_is_still_told() -> None:
    status = status_of(replace(READY, halted="SOMETHING_NEW"), FACTS, SETTINGS, spent=Spent(), now=NOW)
    assert (status.reason, status.message) == ("SOMETHING_NEW", words.SOMETHING_ELSE)
