"""Connections: a seller's shops at the marketplaces."""
