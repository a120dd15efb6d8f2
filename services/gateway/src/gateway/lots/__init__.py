"""Lots: a quantity of one item in one colour and condition at one price."""
