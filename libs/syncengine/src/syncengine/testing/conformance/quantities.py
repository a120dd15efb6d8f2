"""Stories of pieces and removals, while nobody buys (design, Quantity)."""

# ruff: noqa: D103, S101 - these are tests, and their names say what they tell
from syncengine.testing.conformance.behaviour import Chapter
from syncengine.testing.conformance.lots import PARTS, a_lot
from syncengine.testing.conformance.scene import Scene

CHAPTER = Chapter([])
_MANY = 40


@CHAPTER.needs()
async def pieces_come_and_go(scene: Scene) -> None:
    await scene.open()
    scene.put("lot", a_lot(10))
    await scene.rest()
    for by in (5, -3, 1, -1):
        scene.say("lot", by)
        await scene.rest()


@CHAPTER.needs()
async def many_edits_are_one_state(scene: Scene) -> None:
    """A thousand edits to a lot cost one call."""
    await scene.open()
    scene.put("lot", a_lot(10))
    await scene.rest()
    before = len(await scene.writes())
    for _ in range(100):
        scene.say("lot", 1)
    await scene.rest()
    assert len(await scene.writes()) == before + 1


@CHAPTER.needs()
async def lot_at_zero_is_removed_and_comes_back(scene: Scene) -> None:
    """Rule Q3."""
    await scene.open()
    scene.put("lot", a_lot(3))
    scene.put("other", a_lot(3, part=1))
    await scene.rest()
    scene.say("lot", -3)
    await scene.rest()
    scene.say("lot", 4)
    await scene.rest()


@CHAPTER.needs()
async def retained_lot_at_zero_stays_and_is_filled_again(scene: Scene) -> None:
    """Where a shop would keep it unasked, too."""
    await scene.open()
    scene.put("lot", a_lot(3, retain=True, remarks="A"))
    await scene.rest()
    listing_id = scene.listing_id("lot")
    scene.say("lot", -3)
    await scene.rest()
    assert (await scene.quantities())["lot"] == 0
    scene.say("lot", 4)
    await scene.rest()
    assert scene.listing_id("lot") == listing_id


@CHAPTER.needs()
async def archived_lot_is_removed_and_restored(scene: Scene) -> None:
    await scene.open()
    scene.put("lot", a_lot(3, retain=True))
    scene.put("other", a_lot(3, part=1))
    await scene.rest()
    scene.say("lot", archived=True)
    await scene.rest()
    assert (await scene.quantities())["lot"] is None
    scene.say("lot", archived=False)
    await scene.rest()


@CHAPTER.needs()
async def many_lots_are_listed_once_each(scene: Scene) -> None:
    """By whatever many calls there are (rule N2)."""
    await scene.open()
    for number in range(_MANY):
        scene.put(f"lot {number}", a_lot(number + 1, part=number, remarks=f"box {number}", sale_percent=number % 3))
    await scene.rest()
    for number in range(_MANY):
        scene.say(f"lot {number}", 1, remarks=f"shelf {number}")
    await scene.rest()


@CHAPTER.needs()
async def equal_lots_are_listed_apart(scene: Scene) -> None:
    """Rule N1: one after the other, since nothing but time tells them apart."""
    await scene.open()
    for name in ("a", "b"):
        scene.put(name, a_lot(7, part=len(PARTS)))
    await scene.rest()
    assert scene.listing_id("a") != scene.listing_id("b")
