"""Versions never fall or repeat, reconnections are later, events rise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from credentials.domain.credential import Credential, Shop, next_seq, with_new_keys
from credentials.domain.errors import CredentialNotFound, RecordOutdated
from credentials.domain.lifecycle import LifecycleEvent, LifecycleKind

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SHOP = Shop(name="bricks", currency_code="EUR", is_empty=True)


def put(current: Credential | None, highest: int, now: datetime = LATER) -> Credential:
    return with_new_keys(current, highest, seller_id="a", marketplace="bricklink", shop=SHOP, actor="user-1", now=now)


FIRST = put(None, 0, NOW)
FIRST_PUT = FIRST.event(LifecycleKind.PUT)


def test_the_first_put_connects() -> None:
    assert (FIRST.key_version, FIRST.enabled, FIRST.connected_at) == (1, True, NOW)


def test_a_put_over_live_keys_keeps_the_connection() -> None:
    second = put(FIRST, 1)
    assert (second.key_version, second.connected_at, second.updated_at) == (2, NOW, LATER)
    assert second.seq > FIRST.seq


def test_a_put_after_a_revoke_is_a_reconnection() -> None:
    revoked = FIRST.revoked(actor="user-2", now=LATER)
    again = put(revoked, 1)
    assert (again.key_version, again.connected_at) == (2, LATER)
    assert FIRST.seq < revoked.seq < again.seq


def test_a_reconnection_is_later_even_by_a_clock_that_went_back() -> None:
    """A sync service tells a reconnection by its later `connected_at` (C1)."""
    revoked = FIRST.revoked(actor="user-2", now=NOW)
    again = put(revoked, 1, NOW - timedelta(minutes=1))
    assert again.connected_at > FIRST.connected_at
    assert again.seq > revoked.seq


def test_a_version_is_never_used_twice_although_the_row_was_lost() -> None:
    assert put(None, 5).key_version == 6
    assert put(FIRST, 5).key_version == 6


def test_revoked_keys_cannot_be_revoked() -> None:
    revoked = FIRST.revoked(actor="user-2", now=LATER)
    assert (revoked.enabled, revoked.key_version, revoked.updated_by) == (False, 1, "user-2")
    with pytest.raises(CredentialNotFound):
        revoked.revoked(actor="user-2", now=LATER)


@pytest.mark.parametrize(
    "newest",
    [
        None,
        replace(FIRST_PUT, key_version=2),
        replace(FIRST_PUT, generation=1),
        replace(FIRST_PUT, kind=LifecycleKind.REVOKE),
    ],
)
def test_a_record_that_is_not_the_newest_is_refused(newest: LifecycleEvent | None) -> None:
    FIRST.must_be_newest(FIRST_PUT)
    with pytest.raises(RecordOutdated):
        FIRST.must_be_newest(newest)


def test_sealed_anew_it_is_the_same_for_whoever_uses_the_keys() -> None:
    again = FIRST.resealed(now=LATER)
    assert again == replace(FIRST, generation=1, seq=again.seq)
    assert again.seq > FIRST.seq
    event = again.event(LifecycleKind.RESEAL, at=LATER, actor="credentials")
    again.must_be_newest(event)
    with pytest.raises(RecordOutdated):
        FIRST.must_be_newest(event)
    assert put(again, 1).generation == 0


def test_seq_is_the_clock_unless_it_would_not_rise() -> None:
    """Rule T1."""
    micros = 1_795_262_400_000_000
    assert next_seq(0, NOW) == micros
    assert next_seq(micros, NOW) == micros + 1
    assert next_seq(micros + 50, NOW) == micros + 51


@pytest.mark.parametrize(
    ("name", "currency", "fields"),
    [
        ("bricks", "EUR", []),
        ("  bricks  ", " EUR ", []),
        ("", "EUR", ["shop_name"]),
        ("   ", "EUR", ["shop_name"]),
        ("b" * 100, "EUR", []),
        ("b" * 101, "EUR", ["shop_name"]),
        ("a\nb", "EUR", ["shop_name"]),
        ("a\0b", "", ["shop_name", "currency_code"]),
        ("bricks", "eur", ["currency_code"]),
        ("bricks", "EURO", ["currency_code"]),
        ("bricks", "ÄÖÜ", ["currency_code"]),
    ],
)
def test_what_is_said_of_the_shop_is_checked(name: str, currency: str, fields: list[str]) -> None:
    shop = Shop.of(name=name, currency_code=currency, is_empty=False)
    assert [problem.field for problem in shop.problems()] == fields
