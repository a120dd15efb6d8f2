"""One seed's life, in a shop of either marketplace."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from sandbox.bricklink.switches import Switches
from simulation.bricklink import BrickLinkModel
from simulation.brickowl import BrickOwlModel, draw_switches
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.simulation.character import Character
from syncengine.testing.simulation.life import Life
from syncengine.testing.simulation.model import ShopModel
from syncengine.testing.simulation.side import MakeShop, Outline
from syncengine.testing.simulation.two_shops import TwoShops

BRICKLINK, BRICKOWL = "bricklink", "brickowl"
_CALLS_A_MINUTE = 600
"""Of Brick Owl's."""
BOTH = "both"
"""One of each, of one seller."""


def _bricklink(seed: int) -> MakeShop:
    """Make shops that answer BrickLink's open questions as this life does."""

    def make_shop(seller_name: str, character: Character) -> ShopModel:
        switches = Switches(
            below_zero="clamp" if character.clamps_below_zero else "refuse",
            reaching_zero="keep" if character.keeps_at_zero else "as_sale",
            markup="strip" if character.strips_markup else "escape",
            long_text="cut" if character.cuts_texts else "refuse",
        )
        return BrickLinkModel(seller_name, character.limit, switches)

    return make_shop


def _brickowl(seed: int) -> MakeShop:
    """Make shops that answer Brick Owl's open questions as this life does."""

    def make_shop(seller_name: str, character: Character) -> ShopModel:
        # A chance of its own: what happens in a life does not hang on how many questions a shop leaves open.
        drawn = Random(f"{seed} {BRICKOWL}")
        return BrickOwlModel(seller_name, character.limit, draw_switches(drawn, character))

    return make_shop


_SHOPS: Mapping[str, Callable[[int], MakeShop]] = {BRICKLINK: _bricklink, BRICKOWL: _brickowl}
SHOPS = (*_SHOPS, BOTH)


def make_life(seed: int, store: MemoryStore | None = None, *, shop: str = BRICKLINK) -> Life:
    """Set the stage."""
    return Life(seed, _SHOPS[shop](seed), store=store)


def make_both(seed: int) -> TwoShops:
    """Set the stage for two shops. Brick Owl allows as many calls as the real one: two shops have more orders."""

    def make_roomy(seller_name: str, character: Character) -> ShopModel:
        limit = replace(character.limit, calls=max(character.limit.calls, _CALLS_A_MINUTE))
        return _brickowl(seed)(seller_name, replace(character, limit=limit))

    return TwoShops(seed, [_bricklink(seed), make_roomy])


def live(seed: int, *, shop: str = BRICKLINK) -> Outline:
    """Live it; raises Misjudged."""
    return make_both(seed).live() if shop == BOTH else make_life(seed, shop=shop).live()
