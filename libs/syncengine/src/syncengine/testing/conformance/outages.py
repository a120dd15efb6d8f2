"""Stories of a shop that is not there, has had enough, or does not let us in (rules O2, O3, B3)."""

# ruff: noqa: S101 - these are tests, and their names say what they tell
from datetime import timedelta

from syncengine.testing.conformance.behaviour import Chapter, Story
from syncengine.testing.conformance.lots import a_lot, eur
from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import Call, Fault
from syncengine.turn import PROBED

CHAPTER = Chapter([])
_HOUR = timedelta(hours=1)
_TRIES = 120
"""Calls that an outage of three hours may cost: with the longest back-off of ten minutes and full jitter some 50."""


async def _trading(scene: Scene) -> None:
    await scene.open()
    for part, name in enumerate(("more", "less", "gone", "sold")):
        scene.put(name, a_lot(10, part=part, remarks=name))
    await scene.rest()


async def _change_all(scene: Scene) -> None:
    scene.say("more", 5, unit_price=eur(150))
    scene.say("less", -4, remarks="less of it")
    scene.say("gone", -10)
    scene.put("new", a_lot(8, part=9))
    await scene.buy({"sold": 3})


def _no_call_goes_well(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        """For three hours: nothing is parked for an outage, and nothing is lost by it (rule F3)."""
        await _trading(scene)
        before = len(await scene.subject.arrived())
        await scene.strike(fault, Call.ANY, times=None)
        await _change_all(scene)
        await scene.settle(3 * _HOUR)
        assert len(await scene.subject.arrived()) < before + _TRIES
        await scene.subject.heal()
        await scene.rest()

    return story


def _writes_fail(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        """A few times: each goes once it may."""
        await _trading(scene)
        before = len(await scene.writes())
        await scene.strike(fault, Call.WRITE, times=6)
        await _change_all(scene)
        await scene.rest()
        applied = [call for call in (await scene.writes())[before:] if call.applied]
        assert len(applied) == 4

    return story


def _reads_fail(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        """Of orders and of the list: sales are counted when they can be read."""
        await _trading(scene)
        await scene.strike(fault, Call.ORDERS, times=4)
        await scene.strike(fault, Call.LIST, times=4)
        await _change_all(scene)
        await scene.rest()

    return story


for fault in (Fault.LOST_REQUEST, Fault.PAGE, Fault.GOOD_PAGE, Fault.SERVER_ERROR):
    CHAPTER.add(f"answered_for_hours_by_{fault.name.lower()}", _no_call_goes_well(fault))
for fault in (Fault.LOST_REQUEST, Fault.PAGE, Fault.GOOD_PAGE, Fault.SERVER_ERROR, Fault.TOO_MANY):
    CHAPTER.add(f"reads_are_answered_by_{fault.name.lower()}", _reads_fail(fault))
CHAPTER.add("writes_are_answered_by_too_many", _writes_fail(Fault.TOO_MANY))


@CHAPTER.needs()
async def spent_quota_ends_the_calls_until_there_are_new_ones(scene: Scene) -> None:
    """Rule B3: another program has used up what the shop allows."""
    await _trading(scene)
    before = await scene.subject.arrived()
    await scene.subject.spend_calls()
    await _change_all(scene)
    window = scene.shop.facts.limit.window
    await scene.settle(min(window / 2, 3 * _HOUR))
    refused = len(await scene.subject.arrived()) - len(before)
    assert refused < _TRIES
    assert not any(call.applied for call in (await scene.subject.arrived())[len(before) :])
    scene.clock.turn(window)
    await scene.settle(2 * _HOUR)
    await scene.rest()


@CHAPTER.needs()
async def refused_key_halts_until_it_is_good_again(scene: Scene) -> None:
    """Rule O2: an hourly probe finds out."""
    await _trading(scene)
    before = len(await scene.subject.arrived())
    await scene.strike(Fault.WRONG_KEY, Call.ANY, times=None)
    await _change_all(scene)
    await scene.settle(3 * _HOUR)
    assert scene.connection.halted in PROBED
    assert len(await scene.subject.arrived()) < before + 10
    await scene.subject.heal()
    await scene.settle(2 * _HOUR)
    await scene.rest()


@CHAPTER.needs()
async def keys_of_another_shop_write_nothing(scene: Scene) -> None:
    """Rule W1: found before the first write, or by the first order."""
    theirs = await scene.subject.put_up(a_lot(5))
    scene.foreign.add(theirs)
    await scene.subject.buy({theirs: 1}, unseen_for=timedelta())
    await scene.connect(shop_name="somebody else", shop_is_empty=False)
    scene.put("lot", a_lot(5, part=1))
    await scene.settle()
    await scene.confirm()
    await scene.settle()
    assert scene.connection.halted == "ANOTHER_SHOP"
    assert await scene.writes() == []
