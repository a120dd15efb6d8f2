"""The whole product as tests play with it from outside: REST as a seller uses it, the shop as buyers do.

Shared by `tests/e2e` and `tests/chaos`, which each start a stack of their own.
"""
