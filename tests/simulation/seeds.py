"""One seed's life, in a shop of either marketplace."""

from collections.abc import Callable, Mapping
from random import Random

from sandbox.bricklink.switches import Switches
from simulation.bricklink import BrickLinkModel
from simulation.brickowl import BrickOwlModel, draw_switches
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.simulation.character import Character
from syncengine.testing.simulation.life import Life, MakeShop, Outline
from syncengine.testing.simulation.model import ShopModel

BRICKLINK, BRICKOWL = "bricklink", "brickowl"


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
SHOPS = tuple(_SHOPS)


def make_life(seed: int, store: MemoryStore | None = None, *, shop: str = BRICKLINK) -> Life:
    """Set the stage."""
    return Life(seed, _SHOPS[shop](seed), store=store)


def live(seed: int, *, shop: str = BRICKLINK) -> Outline:
    """Live it; raises Misjudged."""
    return make_life(seed, shop=shop).live()
