"""When orders are read next: within the share of calls, sooner where sales are likelier, safe under every clock."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from statistics import fmean, quantiles

import pytest

from syncengine.polling import Account, Pace, free_at, next_poll_at
from syncengine.rhythm import RECENTLY, Rhythm, hour_of
from syncengine.testing.weeks import MONDAY, WEEK, NextPoll, adaptive, fixed, lived, weeks_of_orders

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
PACE = Pace(shortest=timedelta(seconds=20), longest=15 * MINUTE, poll_calls=1, order_calls=1)
UNUSED = Account(window=DAY, reads=(), for_polls=900, reserved=1000)
NOON = MONDAY + 12 * HOUR


def rhythm(now: datetime, *orders: datetime) -> Rhythm:
    """Learn from orders."""
    habit = Rhythm.of([(hour_of(at), 1) for at in orders], now)
    return habit.after([at for at in orders if at > now - RECENTLY], now)


def interval(now: datetime, *orders: datetime, account: Account = UNUSED, pace: Pace = PACE) -> timedelta:
    """How long after a read at `now` the next one is."""
    return next_poll_at(last=now, rhythm=rhythm(now, *orders), account=account, pace=pace) - now


def test_sales_wait_shorter_than_by_a_fixed_pace_with_as_many_calls() -> None:
    """Over four made-up weeks, in the mean and at the 95th percentile: with half of BrickLink's calls, for speed."""
    pace = replace(PACE, longest=2 * PACE.longest)
    ours: list[float] = []
    theirs: list[float] = []
    for seed, bursts in ((0, 0.0), (1, 0.0), (2, 0.0), (0, 0.3)):
        before, orders = weeks_of_orders(30, bursts=bursts, seed=seed)
        polls = adaptive(before, pace, window=DAY, for_polls=450, reserved=500)
        week = lived(orders, polls, window=DAY, poll_calls=1)
        assert week.most <= 500
        even = lived(orders, fixed(WEEK / (week.calls - len(week.waits))), window=DAY, poll_calls=1)
        assert abs(even.calls - week.calls) <= 3
        ours += week.waits
        theirs += even.waits
    assert fmean(ours) < 0.96 * fmean(theirs)
    assert quantiles(ours, n=20)[-1] < quantiles(theirs, n=20)[-1]


def test_a_shop_without_orders_is_polled_evenly_with_all_the_calls_for_it() -> None:
    even = lived([], adaptive([], PACE, window=DAY, for_polls=180, reserved=200), window=DAY, poll_calls=1)
    assert 175 <= even.most <= 182
    assert interval(NOON) == interval(NOON + 14 * HOUR)


def test_where_calls_abound_the_likely_hours_are_polled_at_the_shortest_interval_and_the_others_less_often() -> None:
    roomy = Account(window=MINUTE, reads=(), for_polls=10_000, reserved=12_000)
    evenings = [MONDAY + day * DAY + 19 * HOUR for day in range(-28, 0)] * 3
    assert interval(MONDAY + 19 * HOUR, *evenings, account=roomy) == PACE.shortest
    assert interval(MONDAY + 7 * HOUR, *evenings, account=roomy) > 1.5 * PACE.shortest


def test_an_order_just_seen_brings_the_next_poll_forward_and_its_weight_fades() -> None:
    weeks, _ = weeks_of_orders(20, bursts=0, seed=1)
    used = replace(UNUSED, reads=[(NOON - DAY + number * DAY / 400, 2) for number in range(400)])
    rush = [NOON - MINUTE * number for number in range(5)]
    assert interval(NOON, *weeks, *rush, account=used) < 0.8 * interval(NOON, *weeks, account=used)
    faded = interval(NOON + RECENTLY, *weeks, *rush, account=used)
    assert faded > 0.9 * interval(NOON + RECENTLY, *weeks, account=used)


def test_no_read_in_the_account_brings_a_poll_forward() -> None:
    random = Random(7)
    weeks, _ = weeks_of_orders(20, bursts=0.3, seed=2)
    for _ in range(50):
        reads = sorted((NOON - DAY * random.random(), random.randint(1, 12)) for _ in range(random.randint(0, 144)))
        more = sorted([*reads, (NOON - HOUR * random.random(), 30)])
        sooner = interval(NOON, *weeks, account=replace(UNUSED, reads=reads))
        assert PACE.shortest <= sooner <= interval(NOON, *weeks, account=replace(UNUSED, reads=more)) <= DAY


def test_nothing_is_polled_while_reads_have_used_the_reserved_share() -> None:
    """What looks used counts too; a poll goes as soon as enough of it has left the window."""
    looks = replace(UNUSED, reads=[(NOON - 23 * HOUR, 300), (NOON - HOUR, 700)])
    assert next_poll_at(last=NOON, rhythm=rhythm(NOON), account=looks, pace=PACE) == NOON + HOUR
    assert free_at(NOON + HOUR, looks, PACE) == NOON + HOUR
    few = replace(UNUSED, reads=[(NOON - HOUR, 950)])
    assert next_poll_at(last=NOON, rhythm=rhythm(NOON), account=few, pace=PACE) == NOON + PACE.longest


def test_a_shop_that_gives_a_handful_of_calls_is_polled_with_a_handful() -> None:
    small = Account(window=DAY, reads=(), for_polls=10, reserved=20)
    assert 7 <= lived([], _polls(small), window=DAY, poll_calls=1).most <= 11
    none = Account(window=DAY, reads=(), for_polls=0, reserved=0)
    assert lived([], _polls(none), window=DAY, poll_calls=1).most == 1


def _polls(account: Account) -> NextPoll:
    return adaptive([], PACE, window=account.window, for_polls=account.for_polls, reserved=account.reserved)


@pytest.mark.parametrize("by", [-400 * DAY, -DAY, -HOUR, -MINUTE, MINUTE, HOUR, DAY, 400 * DAY])
def test_a_clock_that_jumps_neither_stops_polls_nor_lets_them_exceed_the_share(by: timedelta) -> None:
    weeks, _ = weeks_of_orders(20, bursts=0, seed=3)
    reads = [(NOON - DAY + number * DAY / 144, 6) for number in range(144)]
    now = NOON + by
    planned = next_poll_at(last=NOON, rhythm=rhythm(now, *weeks), account=replace(UNUSED, reads=reads), pace=PACE)
    assert now + (PACE.shortest if by < timedelta(0) else timedelta(0)) <= planned <= now + PACE.longest
    spent = replace(UNUSED, reads=[(at, 7) for at, _ in reads])
    held = next_poll_at(last=NOON, rhythm=rhythm(now, *weeks), account=spent, pace=PACE)
    assert held <= now + PACE.longest + DAY
    assert spent.used(held) < spent.reserved or by < timedelta(0)
