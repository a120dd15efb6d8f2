"""The control API under `/sandbox`, whatever the marketplace."""
