"""Stories of buyers, who do not wait (rules Q1, Q2, K3, K4)."""

# ruff: noqa: D103, S101 - these are tests, and their names say what they tell
from datetime import timedelta

from syncengine.testing.conformance.behaviour import Chapter
from syncengine.testing.conformance.lots import a_lot, eur
from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import BATCHES, Call, Fault

CHAPTER = Chapter([])
LATE = timedelta(minutes=15)
"""Less than the lag window: such an order is not on the list yet, and its pieces are gone."""


@CHAPTER.needs()
async def sale_is_counted_and_not_put_back_on_sale(scene: Scene) -> None:
    await scene.open()
    scene.put("lot", a_lot(10))
    await scene.rest()
    before = len(await scene.writes())
    await scene.buy({"lot": 3})
    await scene.rest()
    assert len(await scene.writes()) == before


@CHAPTER.needs()
async def orders_of_several_lots_are_counted_line_by_line(scene: Scene) -> None:
    await scene.open()
    scene.put("a", a_lot(10))
    scene.put("b", a_lot(10, part=1))
    await scene.rest()
    await scene.buy({"a": 3, "b": 1})
    await scene.buy({"b": 2})
    await scene.rest()
    assert sorted(line.total for line in scene.lines()) == [1, 2, 3]


@CHAPTER.needs()
async def sale_that_shows_late_is_not_undone_by_an_increase(scene: Scene) -> None:
    await scene.open()
    scene.put("lot", a_lot(10))
    await scene.rest()
    await scene.buy({"lot": 4}, unseen_for=LATE)
    scene.say("lot", 5)
    await scene.rest()


@CHAPTER.needs()
async def sale_that_shows_late_leaves_less_than_a_decrease_takes(scene: Scene) -> None:
    """The shop refuses it, or stops at zero; in the end nothing is left, and more was promised than there was."""
    await scene.open()
    scene.put("lot", a_lot(5))
    scene.put("other", a_lot(5, part=1))
    await scene.rest()
    await scene.buy({"lot": 3}, unseen_for=LATE)
    scene.say("lot", -4)
    await scene.rest()
    assert scene.pieces["lot"] == -2


@CHAPTER.needs()
async def sale_meets_a_change_of_fields(scene: Scene) -> None:
    await scene.open()
    scene.put("lot", a_lot(10, remarks="A"))
    await scene.rest()
    await scene.buy({"lot": 2}, unseen_for=LATE)
    scene.say("lot", unit_price=eur(140), remarks="B")
    await scene.rest()


@CHAPTER.needs()
async def sold_out_lot_is_listed_again_when_there_are_pieces(scene: Scene) -> None:
    """Rule Q4."""
    await scene.open()
    scene.put("lot", a_lot(5))
    scene.put("other", a_lot(5, part=1))
    await scene.rest()
    await scene.buy({"lot": 5})
    await scene.rest()
    scene.say("lot", 6)
    await scene.rest()


@CHAPTER.needs()
async def last_pieces_sold_while_more_are_on_their_way(scene: Scene) -> None:
    await scene.open()
    scene.put("lot", a_lot(5))
    scene.put("other", a_lot(5, part=1))
    await scene.rest()
    await scene.buy({"lot": 5}, unseen_for=LATE)
    scene.say("lot", 6)
    await scene.rest()


@CHAPTER.needs(BATCHES)
async def orders_are_counted_though_a_batch_is_answered_in_part(scene: Scene) -> None:
    """What an answer leaves out is not known, and asked for again."""
    await scene.open()
    scene.put("lot", a_lot(10))
    await scene.rest()
    await scene.strike(Fault.SHORT_BATCH, Call.BATCH, times=2)
    for _ in range(3):
        await scene.buy({"lot": 1})
    await scene.rest()
