"""Imports: files that become lots."""
