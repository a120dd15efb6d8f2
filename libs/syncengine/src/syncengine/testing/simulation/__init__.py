"""Deterministic simulation: the engine's own code over a store in memory, a clock turned by hand and a seed."""
