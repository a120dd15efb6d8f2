"""How fast the product is beside the bare things that it is made of, within one run. No test asserts it."""
