"""Bulk edits: one edit of many lots."""
