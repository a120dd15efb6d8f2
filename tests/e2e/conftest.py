"""One product for the whole session: every process of it, against the sandbox, over real sockets.

Each test is a seller of its own with a shop of its own, so tests do not meet, and no shop comes near the one call a
second that rule B4 allows it in the long run.
"""

from collections.abc import Iterator

import pytest

from devstack.services import WITH_CERTIFICATE, variable
from devstack.testing import Stack, temporary_stack
from product.pace import QUICK
from product.seller import NewSeller, Seller


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The product, started. A test that ends a process of it starts it again; in the end all of them end well.

    Every service logs all that it can, so that whoever looks for keys in logs sees the worst of them.
    """
    talkative = {
        service: {**QUICK.get(service, {}), variable(service, "log_level"): "DEBUG"} for service in WITH_CERTIFICATE
    }
    with temporary_stack(overrides=talkative) as stack:
        yield stack
        stack.stop()
        assert [name for name, running in stack.running.items() if not running.ended_well] == []


@pytest.fixture
async def seller(new_seller: NewSeller) -> Seller:
    """A seller with an empty shop, not connected."""
    return await new_seller()


@pytest.fixture
async def trader(seller: Seller) -> Seller:
    """A seller whose empty shop is connected and ready."""
    await seller.connect()
    return seller
