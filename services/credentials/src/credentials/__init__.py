"""Owns the sellers' marketplace keys, encrypted, and their audit trail."""
