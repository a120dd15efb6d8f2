"""One module per step, `pre` if it runs before the code that needs it."""
