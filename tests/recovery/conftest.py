"""One product for the whole ring, hurried; a test that needs other settings restarts the service with them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from devstack.testing import Stack, temporary_stack
from product.seller import NewSeller, Seller

# After a loss what was sent before must have had its time to land (rule C1): the deadline and the late window. What
# takes half an hour at a real shop takes seconds here. The lease must outlast the longest deadline by 5 s (rule L2).
_HURRIED = {
    "sync-bricklink": {
        "SYNC_BRICKLINK_CALL_DEADLINE": "3",
        "SYNC_BRICKLINK_LIST_DEADLINE": "3",
        "SYNC_BRICKLINK_LEASE": "8",
        "SYNC_BRICKLINK_LATE_WINDOW": "3",
        "SYNC_BRICKLINK_LAG_WINDOW": "2",
        "SYNC_BRICKLINK_ORDER_POLL_INTERVAL": "3",
    }
}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The product, started. A test that ends a process of it starts it again, with the settings of before."""
    with temporary_stack(overrides=_HURRIED) as stack:
        yield stack


@pytest.fixture
async def new_seller(stack: Stack) -> AsyncIterator[NewSeller]:
    """`seller = await new_seller()`: a seller with an empty shop, not connected."""
    async with AsyncExitStack() as sellers:

        async def make(*, currency: str = "EUR", **switches: object) -> Seller:
            return await sellers.enter_async_context(Seller.opened(stack, currency=currency, **switches))

        yield make
