"""One seed's life on BrickLink."""

from sandbox.bricklink.switches import Switches
from simulation.bricklink import BrickLinkModel
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.simulation.character import Character
from syncengine.testing.simulation.life import Life, Outline


def make_shop(seller_name: str, character: Character) -> BrickLinkModel:
    """Open a shop that answers BrickLink's open questions as this life does."""
    switches = Switches(
        below_zero="clamp" if character.clamps_below_zero else "refuse",
        reaching_zero="keep" if character.keeps_at_zero else "as_sale",
        markup="strip" if character.strips_markup else "escape",
        long_text="cut" if character.cuts_texts else "refuse",
    )
    return BrickLinkModel(seller_name, character.limit, switches)


def make_life(seed: int, store: MemoryStore | None = None) -> Life:
    """Set the stage."""
    return Life(seed, make_shop, store=store)


def live(seed: int) -> Outline:
    """Live it; raises Misjudged."""
    return make_life(seed).live()
