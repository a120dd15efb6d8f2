"""Exports: lots as files."""
