"""A process that is killed in the middle of a transaction."""

import asyncio

from inventory.storage.unit_of_work import UnitOfWork


class Interrupted(UnitOfWork):
    """A transaction that stops short of its commit and waits there, as a process does that is about to be killed.

    `reached` is set then; a test gives it a new event.
    """

    reached: asyncio.Event

    async def commit(self, answer: bytes = b"") -> None:
        """Write all but the commit, and wait for ever."""
        await self.recorder.write()
        self.reached.set()
        await asyncio.Event().wait()
