"""What the engine remembers, row by row: plain frozen values that a `Store` keeps and the engine replaces."""
