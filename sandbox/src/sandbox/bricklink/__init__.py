"""BrickLink's Store API as `marketplaces/bricklink.md` describes it: the shop's model, its HTTP face, its faults."""
