"""What kills and starts processes, and a crowd of sellers for each test, who meet nobody else's."""

from collections.abc import AsyncIterator

import pytest

from chaos.hands import Hands
from chaos.load import Crowd
from devstack.testing import Stack


@pytest.fixture
def hands(stack: Stack) -> Hands:
    """What kills and starts the stack's processes."""
    return Hands(stack)


@pytest.fixture
async def crowd(stack: Stack) -> AsyncIterator[Crowd]:
    """Sellers with empty shops, not connected."""
    async with Crowd.gathered(stack) as crowd:
        yield crowd
