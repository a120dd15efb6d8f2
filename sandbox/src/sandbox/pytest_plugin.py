"""For every test of the repository: one real sandbox a marketplace and session, in which each test makes its own shops.

Registering this plugin in the root conftest also imports the package `sandbox` before pytest takes the folder of the
same name for it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox


@pytest.fixture(scope="session")
async def sandbox() -> "AsyncIterator[RunningSandbox]":
    """A sandbox on a free port, in memory; `sandbox.testing.ShopControl` makes shops in it."""
    from sandbox.testing import running_sandbox  # a server is only loaded by the tests that use one

    async with running_sandbox() as running:
        yield running


@pytest.fixture(scope="session")
async def brickowl_sandbox() -> "AsyncIterator[RunningSandbox]":
    """The same of Brick Owl; `sandbox.testing.OwlShopControl` makes shops in it."""
    from sandbox.brickowl.marketplace import BRICKOWL
    from sandbox.testing import running_sandbox

    async with running_sandbox(BRICKOWL) as running:
        yield running
