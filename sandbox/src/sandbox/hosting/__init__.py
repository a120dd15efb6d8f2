"""What a server needs around a model of a shop, whatever the marketplace."""
