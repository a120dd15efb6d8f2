"""One product for the whole folder, hurried, and a crowd of sellers for each test, who meet nobody else's."""

from collections.abc import AsyncIterator, Iterator

import pytest

from chaos.hands import Hands
from chaos.load import Crowd
from devstack.testing import Stack, temporary_stack

# A killed worker's lease is waited for, a withheld reply until its deadline, and only then may a look tell anything:
# what takes minutes at a real shop takes seconds here. The lease must outlast the longest deadline by 5 s (rule L2).
# A poll that is due again when it ends leaves writes no turn, as it would on a busy machine if it came more often.
_HURRIED = {
    "sync-bricklink": {
        "SYNC_BRICKLINK_CALL_DEADLINE": "3",
        "SYNC_BRICKLINK_LIST_DEADLINE": "3",
        "SYNC_BRICKLINK_LEASE": "8",
        "SYNC_BRICKLINK_LATE_WINDOW": "3",
        "SYNC_BRICKLINK_LAG_WINDOW": "2",
        "SYNC_BRICKLINK_ORDER_POLL_INTERVAL": "5",
    }
}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The product, started. A test that ends a process of it starts it again."""
    with temporary_stack(overrides=_HURRIED) as stack:
        yield stack


@pytest.fixture
def hands(stack: Stack) -> Hands:
    """What kills and starts the stack's processes."""
    return Hands(stack)


@pytest.fixture
async def crowd(stack: Stack) -> AsyncIterator[Crowd]:
    """Six sellers with empty shops, not connected."""
    async with Crowd.gathered(stack) as crowd:
        yield crowd
