"""One transaction, with everything that a command may write in it."""

from types import TracebackType
from typing import Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from credentials.storage.audit_keys import AuditKeys
from credentials.storage.credentials import Credentials
from credentials.storage.data_rotations import DataRotations
from credentials.storage.lease_log import LeaseLog
from credentials.storage.lifecycle import Lifecycle
from credentials.storage.requests import Requests
from credentials.storage.validations import Validations
from credentials.storage.wrapped_keys import WrappedKeys
from servicekit import outbox
from servicekit.outbox import Message


class UnitOfWork:
    """`async with` opens a transaction; what `commit` has not kept by its end is undone."""

    credentials: Credentials
    lifecycle: Lifecycle
    audit_keys: AuditKeys
    lease_log: LeaseLog
    requests: Requests
    wrapped_keys: WrappedKeys
    data_rotations: DataRotations
    validations: Validations

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> Self:
        self._conn: AsyncConnection = await self._engine.connect()
        self.credentials = Credentials(self._conn)
        self.lifecycle = Lifecycle(self._conn)
        self.audit_keys = AuditKeys(self._conn)
        self.lease_log = LeaseLog(self._conn)
        self.requests = Requests(self._conn)
        self.wrapped_keys = WrappedKeys(self._conn)
        self.data_rotations = DataRotations(self._conn)
        self.validations = Validations(self._conn)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._conn.close()

    async def lock_seller(self, seller_id: str) -> None:
        """Lets one command of a seller run at a time, in whatever process, until this transaction ends.

        It covers rows that do not exist yet (a first put, a new request id), which no row lock can.
        """
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:seller_id, 0))")
        await self._conn.execute(lock, {"seller_id": f"credentials of {seller_id}"})

    async def publish(self, message: Message) -> None:
        """Records the message in the outbox; it leaves after the commit."""
        await outbox.record(self._conn, [message])

    async def backlog(self) -> int:
        """How many messages wait in the outbox."""
        return await outbox.backlog(self._conn)

    async def sellers_waiting(self) -> set[str]:
        """Sellers of whom an event waits in the outbox."""
        return {key.rpartition("/")[0] for key in await outbox.keys_waiting(self._conn)}

    async def commit(self) -> None:
        """Keeps what was written."""
        await self._conn.commit()
