"""The product for tests that disturb it: hurried, one for the whole session; each test is a seller, or several."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from devstack.testing import Stack, temporary_stack
from product.pace import HURRIED
from product.seller import NewSeller, Seller


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The product, started. A test that ends a process of it starts it again, with the settings of before."""
    with temporary_stack(overrides=HURRIED) as stack:
        yield stack


@pytest.fixture
async def new_seller(stack: Stack) -> AsyncIterator[NewSeller]:
    """`seller = await new_seller(currency="USD", below_zero="clamp")`: a seller with an empty shop, not connected."""
    async with AsyncExitStack() as sellers:

        async def make(*, currency: str = "EUR", **switches: object) -> Seller:
            return await sellers.enter_async_context(Seller.opened(stack, currency=currency, **switches))

        yield make
