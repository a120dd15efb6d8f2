"""Pings of the marketplaces: unauthenticated, as they are."""
