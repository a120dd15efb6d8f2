"""Brick Owl's API as `marketplaces/brickowl.md` describes it: the shop's model, its HTTP face, its switches."""
