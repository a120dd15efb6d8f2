"""Undo of changes and of imports."""
