"""A third marketplace, as docs/adding-a-marketplace.md adds one: a shop, its adapter, and what the kit asks for."""
