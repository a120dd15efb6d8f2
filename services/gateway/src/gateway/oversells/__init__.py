"""Oversells: sales that found too few pieces."""
