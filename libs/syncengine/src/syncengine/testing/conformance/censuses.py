"""Stories of beginnings: a shop that has listings, and a database that is lost (rules C1-C4)."""

# ruff: noqa: S101 - these are tests, and their names say what they tell
from datetime import timedelta

from syncengine.testing.conformance.behaviour import Chapter
from syncengine.testing.conformance.lots import FULL, a_lot, a_set, edited
from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import FIELDS

CHAPTER = Chapter([])


@CHAPTER.needs(*(name for name in FIELDS if name not in ("stockroom", "retain", "used_grade", "weight_grams")))
async def listings_that_were_there_are_matched_by_all_their_fields(scene: Scene) -> None:
    """Rule C2: none is made twice, and nothing need be sent."""
    lots = {"full": edited(FULL, weight_grams=None), "plain": a_lot(part=1), "set": a_set()}
    for lot in lots.values():
        await scene.subject.put_up(lot)
    scene.foreign.add(await scene.subject.put_up(a_lot(3, part=30)))
    for name, lot in lots.items():
        scene.put(name, lot)
    await scene.open(shop_is_empty=False)
    await scene.rest()
    assert await scene.writes() == []


@CHAPTER.needs()
async def nothing_is_sent_before_the_seller_agrees_to_the_plan(scene: Scene) -> None:
    """In a shop that was not empty (rule C2)."""
    scene.foreign.add(await scene.subject.put_up(a_lot(3, part=30)))
    await scene.connect(shop_name=scene.subject.seller_name, shop_is_empty=False)
    scene.put("new", a_lot())
    await scene.settle()
    assert await scene.writes() == []
    await scene.confirm()
    await scene.rest()


@CHAPTER.needs()
async def what_was_sold_before_is_not_subtracted_again(scene: Scene) -> None:
    """Rule C3: the baseline. What is sold afterwards counts."""
    listing_id = await scene.subject.put_up(a_lot(10))
    await scene.subject.buy({listing_id: 2}, unseen_for=timedelta())
    scene.clock.turn(timedelta(hours=1))
    scene.put("lot", a_lot(8))
    await scene.open(shop_is_empty=False)
    await scene.rest()
    await scene.buy({"lot": 3})
    await scene.rest()


@CHAPTER.needs()
async def lost_database_counts_each_order_once(scene: Scene) -> None:
    """Rules C1, C3: all is told again as a recount, also what was sold while nobody looked; nothing is listed twice."""
    await scene.open()
    for part, name in enumerate(("a", "b", "c")):
        scene.put(name, a_lot(10, part=part, remarks=name))
    await scene.rest()
    await scene.buy({"a": 3, "b": 1})
    await scene.rest()
    before = len(await scene.writes())
    await scene.buy({"a": 2})
    scene.say("b", 4)
    scene.say("c", -1)
    await scene.begin_with_nothing()
    await scene.rest()
    assert len([call for call in (await scene.writes())[before:] if call.applied]) == 2
