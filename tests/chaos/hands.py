"""What a test does to processes while a load runs."""

import asyncio
from typing import LiteralString

from chaos.load import PATIENCE
from chaos.locks import locked
from devstack.testing import Stack
from product.waiting import until


class Hands:
    """The stack from a coroutine: every call is awaited, and meanwhile the load goes on."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    async def kill(self, *names: str) -> None:
        """SIGKILL."""
        for name in names:
            await asyncio.to_thread(self.stack.kill, name)

    async def start(self, name: str) -> None:
        """Start what was killed, and wait until it is healthy."""
        await asyncio.to_thread(self.stack.start_again, name)

    async def start_second(self, service: str) -> str:
        """Start one more instance and return its name."""
        return await asyncio.to_thread(self.stack.start_second, service)

    async def terminate(self, name: str) -> int:
        """SIGTERM; the exit code."""
        return await asyncio.to_thread(self.stack.terminate, name)

    async def kill_at_lock(self, victim: str, service: str, statement: LiteralString, *values: object) -> None:
        """Lock something in the database of `service`, kill the victim once somebody waits for it, and let go."""
        async with locked(self.stack.database(service).owner, statement, *values) as lock:
            await lock.awaited()
            await self.kill(victim)

    async def kill_relay(self, service: str) -> None:
        """Kill a service at the point where its relay has published messages and not yet deleted them.

        Kafka stands still for a moment, so that the rows can be locked before they are gone.
        """
        self.stack.pause("kafka")
        try:
            async with locked(self.stack.database(service).owner, "SELECT") as lock:
                await until(lambda: lock.execute("SELECT id FROM outbox FOR UPDATE"), bool, timeout=PATIENCE)
                self.stack.resume("kafka")
                await lock.awaited()
                await self.kill(service)
        finally:
            self.stack.resume("kafka")

    async def logged(self, name: str, words: str) -> None:
        """Wait until a program says so once more than it has by now."""
        before = self.stack.log(name).count(words)
        await until(lambda: asyncio.to_thread(self.stack.log, name), lambda log: log.count(words) > before)
