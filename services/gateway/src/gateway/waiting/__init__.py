"""What waits for a person in a shop, and what a person says of it."""
