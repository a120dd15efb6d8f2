"""Stories of what a shop will not take: it holds back its own field group, and nothing else (rules F1, N2)."""

# ruff: noqa: D103, S101 - these are tests, and their names say what they tell
from syncengine.listing import Group
from syncengine.testing.conformance.behaviour import Chapter
from syncengine.testing.conformance.lots import a_lot, eur
from syncengine.testing.conformance.scene import Scene

CHAPTER = Chapter([])
_LONG = "longer than a shop takes that takes little"
_SHORT = 20
_LOTS = 14


@CHAPTER.needs("description")
async def refused_text_holds_back_neither_pieces_nor_price(scene: Scene) -> None:
    await scene.open()
    await scene.subject.limit_texts(_SHORT)
    scene.put("more", a_lot(10, remarks="A"))
    scene.put("less", a_lot(10, part=1))
    await scene.rest()
    scene.say("more", 5, description=_LONG, unit_price=eur(150))
    scene.say("less", -5, description=_LONG, unit_price=eur(150))
    await scene.rest("more", "less")
    shown = {each.listing_id: each.lot for each in await scene.subject.stock()}
    for name, pieces in (("more", 15), ("less", 5)):
        lot = shown[scene.listing_id(name)]
        assert (lot.quantity, lot.unit_price, lot.description) == (pieces, eur(150), "")
        assert set(scene.row(name).parked) == {Group.TEXT}
    scene.say("more", description="short")
    scene.say("less", description="short")
    await scene.rest()


@CHAPTER.needs("description")
async def one_lot_that_is_refused_keeps_no_other_from_the_shop(scene: Scene) -> None:
    """Whether they go together or one by one (rule N2)."""
    await scene.open()
    await scene.subject.limit_texts(_SHORT)
    for part in range(_LOTS):
        scene.put(f"lot {part}", a_lot(10, part=part, remarks="A", description=_LONG if part == 5 else ""))
    await scene.rest("lot 5")
    assert scene.row("lot 5").parked
    assert [name for name, pieces in (await scene.quantities()).items() if pieces is None] in ([], ["lot 5"])
    scene.say("lot 5", description="short")
    await scene.rest()
