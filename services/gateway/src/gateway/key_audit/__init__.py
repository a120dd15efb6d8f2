"""Who did what with a shop's keys, and who borrowed them."""
