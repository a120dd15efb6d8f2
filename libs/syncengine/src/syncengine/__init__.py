"""How any marketplace is kept in step with the one true stock."""
