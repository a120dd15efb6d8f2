"""Keeps BrickLink shops in step: the adapter over the sync engine."""
