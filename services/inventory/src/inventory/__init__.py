"""Owns lots, the change log, imports and which sales are counted."""
