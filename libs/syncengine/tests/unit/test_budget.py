"""When a call may be made again: never "at once" for one that may not be made (rules B1, B3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncengine.budget import NotBefore, ticket
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.settings import Settings
from syncengine.testing.inventory import SELLER
from syncengine.testing.shop import FACTS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = Settings()


@pytest.mark.parametrize("write", [True, False])
def test_a_limit_that_is_used_up_is_waited_for_also_where_the_shop_once_set_a_lower_one(write: bool) -> None:
    """Else the connection would be served over and over, as fast as its database is (simulated life 215)."""
    long_ago = NOW - SETTINGS.halt_probe_interval * 2
    connection = replace(ConnectionRow(seller_id=SELLER), cap=50, capped_at=long_ago)
    spent = Spent(FACTS.limit.calls)
    refused = ticket(connection, FACTS, SETTINGS, spent=spent, write=write, deadline=timedelta(seconds=30), now=NOW)
    assert isinstance(refused, NotBefore)
    assert refused.at > NOW


def test_a_lower_limit_that_is_used_up_is_asked_about_after_a_while() -> None:
    connection = replace(ConnectionRow(seller_id=SELLER), cap=50, capped_at=NOW)
    refused = ticket(connection, FACTS, SETTINGS, spent=Spent(50), write=False, deadline=timedelta(seconds=30), now=NOW)
    assert isinstance(refused, NotBefore)
    assert NOW < refused.at <= NOW + SETTINGS.halt_probe_interval
    later = NOW + SETTINGS.halt_probe_interval
    asked = ticket(connection, FACTS, SETTINGS, spent=Spent(50), write=False, deadline=timedelta(seconds=30), now=later)
    assert not isinstance(asked, NotBefore)


@pytest.mark.parametrize(
    ("spent", "may_write", "may_read"),
    [
        (Spent(79, 79), True, True),
        (Spent(80, 80), False, True),
        (Spent(89, 79), True, True),
        (Spent(90, 20), False, True),
        (Spent(100, 79), False, False),
        (Spent(100, 20), False, False),
    ],
)
def test_writes_have_their_share_whole_and_reads_what_is_left(spent: Spent, may_write: bool, may_read: bool) -> None:
    """Polls do not eat of what writes may have, and writes leave looks their fifth (rule B2)."""
    facts = replace(FACTS, limit=replace(FACTS.limit, calls=100))
    connection = ConnectionRow(seller_id=SELLER)
    for write, may in ((True, may_write), (False, may_read)):
        asked = ticket(connection, facts, SETTINGS, spent=spent, write=write, deadline=timedelta(seconds=1), now=NOW)
        assert isinstance(asked, NotBefore) is not may
