"""Returns: pieces that left an order, until somebody says where they are."""
