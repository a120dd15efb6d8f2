"""One seed's life on BrickLink."""

from simulation.bricklink import BrickLinkModel
from syncengine.testing.simulation.life import Life, Outline

COLORS = (1, 5, 11)
"""Few, so that lots of one item get into each other's way."""


def live(seed: int) -> Outline:
    """Live it; raises Misjudged."""
    return Life(seed, lambda _: BrickLinkModel(), colors=COLORS).live()
