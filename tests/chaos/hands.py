"""What a test does to processes while a load runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import LiteralString

from chaos.load import PATIENCE
from devstack.testing import Stack
from product.locks import Lock, commits_held, deletes_held, locked
from product.waiting import until


class Hands:
    """Laid on one stack. What takes time is awaited, and meanwhile the load goes on."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    async def kill(self, *names: str) -> None:
        """SIGKILL."""
        for name in names:
            await asyncio.to_thread(self._stack.kill, name)

    async def start(self, name: str) -> None:
        """Start what has ended, and wait until it is healthy."""
        await asyncio.to_thread(self._stack.start_again, name)

    async def start_second(self, service: str) -> str:
        """Start one more instance and return its name."""
        return await asyncio.to_thread(self._stack.start_second, service)

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self._stack.pause(name)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self._stack.resume(name)

    async def leave_one_of_each(self) -> None:
        """Bring back what is missing and end what is there twice, which it must do in good order."""
        for name, running in list(self._stack.running.items()):
            if name.rpartition("-")[2].isdigit():
                if running.alive:
                    assert await asyncio.to_thread(self._stack.terminate, name) == 0
                del self._stack.running[name]
            elif running.alive:
                running.resume()
            else:
                await self.start(name)

    def locked(self, service: str, statement: LiteralString, *values: object) -> AbstractAsyncContextManager[Lock]:
        """Lock something in the database of a service."""
        return locked(self._stack.database(service).owner, statement, *values)

    def commits_held(self, service: str, table: str) -> AbstractAsyncContextManager[Lock]:
        """Hold up commits in the database of a service."""
        return commits_held(self._stack.database(service).owner, table)

    async def kill_at_lock(self, victim: str, service: str, statement: LiteralString, *values: object) -> None:
        """Lock something in the database of `service`, kill the victim once somebody waits for it, and let go."""
        async with self.locked(service, statement, *values) as lock:
            await lock.awaited()
            await self.kill(victim)

    async def kill_after(self, victim: str, lock: Lock) -> None:
        """Have those who wait at a lock commit while the victim stands still, and kill it: it never hears of it."""
        await lock.awaited()
        self.pause(victim)
        await lock.release()
        await self.kill(victim)

    async def kill_relay(self, service: str) -> None:
        """Kill a service when its relay has published messages and is about to delete them."""
        async with deletes_held(self._stack.database(service).owner, "outbox") as lock:
            await lock.awaited()
            await self.kill(service)

    @asynccontextmanager
    async def hearing(self, name: str, words: str) -> AsyncIterator[None]:
        """Wait at the end of the block until a program's log says so, not counting what it said before."""
        before = self._stack.log(name).count(words)
        yield
        await until(
            lambda: asyncio.to_thread(self._stack.log, name), lambda log: log.count(words) > before, timeout=PATIENCE
        )
