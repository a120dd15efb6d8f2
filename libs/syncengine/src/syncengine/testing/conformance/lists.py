"""Stories of lists that lie, and of what others do in the shop (rules C5, N3, Q4, S6)."""

# ruff: noqa: D103, S101 - these are tests, and their names say what they tell
from datetime import timedelta

from syncengine.rows.listing import Trouble
from syncengine.testing.conformance.behaviour import Chapter
from syncengine.testing.conformance.lots import a_lot, eur
from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import Call, Fault

CHAPTER = Chapter([])


async def _trading(scene: Scene) -> None:
    await scene.open()
    for part, name in enumerate(("a", "b", "c")):
        scene.put(name, a_lot(10, part=part, remarks=name))
    await scene.rest()
    await scene.settle()  # until a list has shown what they came to (rule F2)


@CHAPTER.needs()
async def empty_list_is_not_believed(scene: Scene) -> None:
    """A closed shop lists nothing: nothing is made a second time, and nobody is asked about each lot (rule C5)."""
    await _trading(scene)
    before = len(await scene.writes())
    await scene.strike(Fault.EMPTY_LIST, Call.LIST, times=None)
    await scene.settle(timedelta(hours=4))
    assert len(await scene.writes()) == before
    assert scene.connection.census_alarm
    assert all(scene.row(name).trouble is None for name in scene.pieces)
    await scene.subject.heal()
    await scene.rest()


@CHAPTER.needs()
async def list_that_lacks_a_listing_makes_nobody_list_it_again(scene: Scene) -> None:
    """A look finds it (rule N3)."""
    await _trading(scene)
    before = len(await scene.writes())
    await scene.strike(Fault.SHORT_LIST, Call.LIST, missing=[scene.listing_id("b")])
    await scene.settle(timedelta(hours=2))
    assert len(await scene.writes()) == before
    await scene.rest()


@CHAPTER.needs()
async def listing_that_somebody_took_down_is_not_made_again(scene: Scene) -> None:
    """Rule Q4: a person says what it was."""
    await _trading(scene)
    before = len(await scene.writes())
    await scene.subject.take_down(scene.listing_id("b"))
    await scene.settle()
    await scene.rest("b")
    assert scene.row("b").trouble is Trouble.GONE_UNEXPLAINED
    assert len(await scene.writes()) == before


@CHAPTER.needs()
async def pieces_that_somebody_changed_are_not_changed_back(scene: Scene) -> None:
    """Rule K4; a decrease goes all the same."""
    await _trading(scene)
    for name, pieces in (("a", 7), ("b", 12)):
        await scene.subject.edit(scene.listing_id(name), a_lot(pieces))
    await scene.settle()
    await scene.rest("a", "b")
    assert {scene.row(name).trouble for name in ("a", "b")} == {Trouble.NUMBER_UNEXPLAINED}
    assert await scene.quantities() == {"a": 7, "b": 12, "c": 10}


@CHAPTER.needs("unit_price")
async def price_that_somebody_changed_waits_for_a_person(scene: Scene) -> None:
    """Rules F2, S6."""
    await _trading(scene)
    before = len(await scene.writes())
    await scene.subject.edit(scene.listing_id("a"), a_lot(10, unit_price=eur(777)))
    await scene.settle()
    await scene.rest("a")
    assert len(scene.row("a").conflicts) == 1
    assert len(await scene.writes()) == before


@CHAPTER.needs()
async def listings_of_nobody_are_left_alone(scene: Scene) -> None:
    await _trading(scene)
    scene.foreign.add(await scene.subject.put_up(a_lot(4, part=20)))
    await scene.rest()
    scene.say("a", 1)
    await scene.rest()
