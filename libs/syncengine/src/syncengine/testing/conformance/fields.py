"""Stories of fields: each is created, updated, and left alone once it is there (design, Field groups)."""

# ruff: noqa: D103, S101 - these are tests, and their names say what they tell
from typing import Any

from brickops.inventory.v1 import lot_pb2
from syncengine.testing.conformance.behaviour import Chapter, Story
from syncengine.testing.conformance.lots import FULL, VALUES, a_lot, a_set, a_used_lot, edited, tier
from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import FIELDS

CHAPTER = Chapter([])


def _follows(field: str) -> Story:
    async def story(scene: Scene) -> None:
        await scene.open()
        first, then = VALUES[field]
        scene.put("set at once", edited(FULL, **{field: first} if field != "stockroom" else {}))
        scene.put("set later", a_used_lot(unit_price=FULL.unit_price, remarks="A"))
        await scene.rest()
        for value in (first, then):
            change: Any = {field: value}
            scene.say("set at once", **change)
            scene.say("set later", **change)
            await scene.rest()

    return story


for name in FIELDS:
    CHAPTER.add(f"field_follows_{name}", _follows(name), name)


@CHAPTER.needs()
async def full_lot_is_created_with_all_its_fields(scene: Scene) -> None:
    await scene.open()
    scene.put("full", FULL)
    await scene.rest()


@CHAPTER.needs()
async def all_fields_change_at_once(scene: Scene) -> None:
    """With the pieces, and back to hardly any."""
    await scene.open()
    scene.put("lot", a_used_lot(4))
    await scene.rest()
    scene.say("lot", by=3, **{name: first for name, (first, _) in VALUES.items()})
    await scene.rest()
    scene.say("lot", by=-2, **{name: then for name, (_, then) in VALUES.items()})
    await scene.rest()


@CHAPTER.needs("description", "remarks")
async def odd_texts_arrive_as_they_are(scene: Scene) -> None:
    """Whatever the shop escapes on the way, nothing is sent a second time for it (rule F2)."""
    await scene.open()
    odd = "5 < 6 & \"7\" > '8' (new); R&amp;D &#40; 100 % + ü=é/?"
    scene.put("created", a_lot(description=odd, remarks="a\nb 🧱"))
    scene.put("updated", a_lot(part=1))
    await scene.rest()
    scene.say("updated", description=odd, remarks="a\nb 🧱")
    await scene.rest()


@CHAPTER.needs("tiers")
async def prices_that_only_fit_together_change_together(scene: Scene) -> None:
    """A price below its own tiers would be refused, and a tier above its price (rule F1: one call)."""
    await scene.open()
    scene.put("lot", a_lot(unit_price=VALUES["unit_price"][0], tiers=[tier(10, 280)]))
    await scene.rest()
    scene.say("lot", unit_price=tier(0, 100).unit_price, tiers=[tier(10, 90)])
    await scene.rest()
    scene.say("lot", unit_price=tier(0, 900).unit_price, tiers=[tier(10, 800), tier(20, 700)])
    await scene.rest()


@CHAPTER.needs()
async def items_of_every_kind_are_listed_as_what_they_are(scene: Scene) -> None:
    await scene.open()
    scene.put("new", a_lot())
    scene.put("used", a_used_lot())
    scene.put("set", a_set())
    scene.put("other colour", a_lot(part=5))
    await scene.rest()


@CHAPTER.needs()
async def lot_that_becomes_another_item_is_listed_anew(scene: Scene) -> None:
    """No shop can change what a listing is of (rule N4)."""
    await scene.open()
    scene.put("lot", a_lot())
    await scene.rest()
    before = scene.listing_id("lot")
    scene.say("lot", item=a_lot(part=6).item)
    await scene.rest()
    assert scene.listing_id("lot") != before


@CHAPTER.needs()
async def hidden_lot_keeps_its_pieces_and_comes_back(scene: Scene) -> None:
    """Rule Q5: and one that is hidden from the start is not listed at all."""
    await scene.open()
    scene.put("lot", a_lot(remarks="A"))
    scene.put("never", a_lot(part=1, stockroom=lot_pb2.STOCKROOM_A))
    await scene.rest()
    scene.say("lot", stockroom=lot_pb2.STOCKROOM_A)
    await scene.rest()
    scene.say("lot", by=-4)
    await scene.rest()
    scene.say("lot", by=1, stockroom=lot_pb2.STOCKROOM_UNSPECIFIED)
    scene.say("never", stockroom=lot_pb2.STOCKROOM_UNSPECIFIED)
    await scene.rest()
