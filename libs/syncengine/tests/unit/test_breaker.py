"""One breaker for a marketplace that is down, and for a clock of ours that is wrong (rules O2, O3)."""

from datetime import timedelta

import pytest

from syncengine.listing import SellerId
from syncengine.marketplace import Halted, Later, Outcome, ReadFailedError, Ticket
from syncengine.service.breaker import Breaker, ReportingShop
from syncengine.testing.clock import HandClock
from syncengine.testing.shop import MemoryShop

A, B = SellerId("a"), SellerId("b")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def breaker(clock: HandClock) -> Breaker:
    return Breaker(clock)


def fail(breaker: Breaker, times: int, *sellers: SellerId) -> None:
    for number in range(times):
        breaker.failed(sellers[number % len(sellers)], "SHOP_DOWN")


def test_an_outage_of_several_sellers_stops_all_calls_but_one_at_a_time(breaker: Breaker, clock: HandClock) -> None:
    fail(breaker, 9, A, B)
    assert breaker.may_serve()
    fail(breaker, 1, A)
    assert not breaker.may_serve()
    clock.turn(timedelta(seconds=6))
    assert breaker.may_serve()
    assert not breaker.may_serve()
    breaker.answered()
    assert breaker.may_serve()


def test_a_longer_outage_is_asked_about_less_often(breaker: Breaker, clock: HandClock) -> None:
    fail(breaker, 10, A, B)
    clock.turn(timedelta(seconds=6))
    assert breaker.may_serve()
    fail(breaker, 1, A)
    clock.turn(timedelta(seconds=6))
    assert not breaker.may_serve()
    clock.turn(timedelta(seconds=5))
    assert breaker.may_serve()


def test_one_sellers_own_trouble_is_no_outage(breaker: Breaker) -> None:
    fail(breaker, 100, A)
    assert breaker.may_serve()


def test_an_answer_between_failures_shows_that_the_shop_is_up(breaker: Breaker) -> None:
    fail(breaker, 9, A, B)
    breaker.answered()
    fail(breaker, 9, A, B)
    assert breaker.may_serve()


def test_a_wrong_clock_of_ours_stops_everything_at_once(breaker: Breaker) -> None:
    breaker.failed(A, "CLOCK_SKEWED")
    assert not breaker.may_serve()


@pytest.mark.parametrize(
    ("outcome", "stops"),
    [
        (Later(reason="SHOP_DOWN"), True),
        (Later(reason="CLOCK_SKEWED"), True),
        (Later(reason="QUOTA"), False),
        (Halted(reason="WRONG_KEY"), False),
    ],
)
async def test_calls_report_what_they_found(
    breaker: Breaker, clock: HandClock, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, stops: bool
) -> None:
    shop = MemoryShop(clock)
    ticket = Ticket(stamp=clock.now(), deadline=timedelta(seconds=1))

    async def fails(*_: object) -> None:
        raise ReadFailedError(outcome)  # type: ignore[arg-type]

    monkeypatch.setattr(shop, "read_all", fails)
    for _ in range(5):
        for seller_id in (A, B):
            with pytest.raises(ReadFailedError):
                await ReportingShop(shop, breaker, seller_id).read_all(ticket)
    assert breaker.may_serve() is not stops
    clock.turn(timedelta(minutes=1))
    await ReportingShop(shop, breaker, A).list_orders("open", ticket)
    assert breaker.may_serve()
