"""Stories of orders that come back: by themselves they change nothing (rule S4)."""

# ruff: noqa: D103, S101 - these are tests, and their names say what they tell
from syncengine.listing import OrderId
from syncengine.testing.conformance.behaviour import Chapter
from syncengine.testing.conformance.lots import a_lot
from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import RESTOCKS

CHAPTER = Chapter([])


async def _sold(scene: Scene, pieces: int) -> OrderId:
    await scene.open()
    scene.put("lot", a_lot(10))
    scene.put("other", a_lot(10, part=1))
    await scene.rest()
    order_id = await scene.buy({"lot": pieces})
    await scene.rest()
    return order_id


@CHAPTER.needs()
async def cancelled_order_opens_a_return_and_moves_nothing(scene: Scene) -> None:
    order_id = await _sold(scene, 4)
    before = len(await scene.writes())
    await scene.subject.cancel(order_id, restock=False)
    await scene.rest()
    assert [line.returned for line in scene.lines()] == [4]
    assert len(await scene.writes()) == before


@CHAPTER.needs(RESTOCKS)
async def restocked_order_is_taken_back(scene: Scene) -> None:
    """What the shop put back on sale is counted back, and not sent a second time."""
    order_id = await _sold(scene, 4)
    before = len(await scene.writes())
    await scene.subject.cancel(order_id, restock=True)
    scene.pieces["lot"] += 4
    await scene.rest()
    assert len(await scene.writes()) == before


@CHAPTER.needs()
async def reduced_line_opens_a_return_of_those_pieces(scene: Scene) -> None:
    order_id = await _sold(scene, 4)
    await scene.subject.reduce(order_id, scene.listing_id("lot"), 3, restock=False)
    await scene.rest()
    assert [line.returned for line in scene.lines()] == [3]


@CHAPTER.needs(RESTOCKS)
async def restocked_part_of_a_line_is_taken_back(scene: Scene) -> None:
    order_id = await _sold(scene, 4)
    await scene.subject.reduce(order_id, scene.listing_id("lot"), 3, restock=True)
    scene.pieces["lot"] += 3
    await scene.rest()
