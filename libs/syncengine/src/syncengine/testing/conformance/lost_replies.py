"""Stories of calls of which nobody can say whether they were done: looked at, never sent again (rules K1-K5, N3)."""

# ruff: noqa: S101 - these are tests, and their names say what they tell
from datetime import timedelta

from syncengine.testing.conformance.behaviour import Chapter, Story
from syncengine.testing.conformance.lots import a_lot, eur
from syncengine.testing.conformance.sales import LATE
from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import Call, Fault

CHAPTER = Chapter([])
_MANY = 12
_FAULTS = (
    Fault.LOST_REQUEST,
    Fault.LOST_REPLY,
    Fault.SERVER_ERROR,
    Fault.SERVER_ERROR_AFTER,
    Fault.PAGE,
    Fault.PAGE_AFTER,
    Fault.GOOD_PAGE,
)


def _of_every_kind_of_write(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        await scene.open()
        for part, name in enumerate(("more", "less", "gone", "dearer")):
            scene.put(name, a_lot(10, part=part, remarks=name))
        await scene.rest()
        before = len(await scene.writes())
        await scene.strike(fault, Call.WRITE, times=5)
        scene.say("more", 5)
        scene.say("less", -4)
        scene.say("gone", -10)
        scene.say("dearer", unit_price=eur(150))
        scene.put("new", a_lot(8, part=9))
        await scene.settle()
        await scene.subject.heal()
        await scene.rest()
        done = fault in (Fault.LOST_REPLY, Fault.SERVER_ERROR_AFTER, Fault.PAGE_AFTER)
        applied = [call for call in (await scene.writes())[before:] if call.applied]
        assert len(applied) == 5, "each write lands once"
        assert done is all(call.applied for call in (await scene.writes())[before : before + 5])

    return story


def _of_an_increase_that_meets_a_sale(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        """Also of as many pieces as the increase had, which looks as if neither had been."""
        await scene.open()
        for part, name in enumerate(("some", "as many")):
            scene.put(name, a_lot(10, part=part))
        await scene.rest()
        await scene.strike(fault, Call.WRITE, times=2)
        scene.say("some", 5)
        scene.say("as many", 5)
        await scene.buy({"some": 2, "as many": 5}, unseen_for=LATE)
        await scene.rest()

    return story


def _of_a_create_that_sells(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        """The buyer is there before we know that we listed it (rule N3)."""
        await scene.open()
        scene.put("other", a_lot(5, part=1))
        await scene.rest()
        known = {each.listing_id for each in await scene.subject.stock()}
        await scene.strike(fault, Call.WRITE)
        scene.put("new", a_lot(10))
        await scene.settle(timedelta(seconds=20))
        [new] = [each.listing_id for each in await scene.subject.stock() if each.listing_id not in known]
        await scene.subject.buy({new: 3}, unseen_for=LATE)
        scene.pieces["new"] -= 3
        await scene.rest()

    return story


def _of_the_look_itself(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        """A look that brings nothing is no look: it is made again."""
        await scene.open()
        for part, name in enumerate(("more", "less", "other")):
            scene.put(name, a_lot(10, part=part))
        await scene.rest()
        await scene.strike(Fault.LOST_REPLY, Call.WRITE, times=2)
        await scene.strike(fault, Call.LOOK, times=8)
        scene.say("more", 5)
        scene.say("less", -4)
        await scene.rest()

    return story


def _of_many_creates(fault: Fault) -> Story:
    async def story(scene: Scene) -> None:
        """Of one call that makes several listings, where there is such a call (rule N2)."""
        await scene.open()
        scene.put("there", a_lot(3, part=30))
        await scene.rest()
        await scene.strike(fault, Call.WRITE)
        for part in range(_MANY):
            scene.put(f"lot {part}", a_lot(part + 1, part=part))
        await scene.rest()

    return story


for fault in _FAULTS:
    CHAPTER.add(f"{fault.name.lower()}_at_every_kind_of_write", _of_every_kind_of_write(fault))
for fault in (Fault.LOST_REQUEST, Fault.LOST_REPLY):
    CHAPTER.add(f"{fault.name.lower()}_at_an_increase_that_meets_a_sale", _of_an_increase_that_meets_a_sale(fault))
for fault in (Fault.LOST_REQUEST, Fault.PAGE, Fault.SERVER_ERROR):
    CHAPTER.add(f"{fault.name.lower()}_at_the_look_for_a_lost_reply", _of_the_look_itself(fault))
for fault in (Fault.LOST_REQUEST, Fault.LOST_REPLY, Fault.GOOD_PAGE):
    CHAPTER.add(f"{fault.name.lower()}_at_many_creates", _of_many_creates(fault))
CHAPTER.add("lost_reply_at_a_create_that_sells", _of_a_create_that_sells(Fault.LOST_REPLY))
