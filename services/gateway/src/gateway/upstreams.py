"""What the gateway needs from the services behind it, and how it asks."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, TypeVar

import grpc
from fastapi import Depends, Request
from google.protobuf.message import Message

from brickops.credentials.v1.credentials_admin_service_pb2_grpc import CredentialsAdminServiceStub
from brickops.inventory.v1.inventory_service_pb2_grpc import InventoryServiceStub
from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceStub
from gateway.auth import Principal
from gateway.config import Config
from gateway.problems import Problem, problem_of_call
from servicekit.callers import outgoing_metadata
from servicekit.grpc_client import open_channel
from servicekit.logs import correlation_id

if TYPE_CHECKING:  # these names exist for type checkers only
    from brickops.credentials.v1.credentials_admin_service_pb2_grpc import CredentialsAdminServiceAsyncStub
    from brickops.inventory.v1.inventory_service_pb2_grpc import InventoryServiceAsyncStub
    from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceAsyncStub

logger = logging.getLogger(__name__)

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)

READ_SECONDS = 5.0
COMMAND_SECONDS = 10.0
IMPORT_SECONDS = 60.0
PREVIEW_SECONDS = 60.0
EXPORT_SECONDS = 600.0
_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Upstreams:
    """The services behind: one sync service per marketplace."""

    inventory: "InventoryServiceAsyncStub"
    credentials: "CredentialsAdminServiceAsyncStub"
    sync: "Mapping[str, SyncServiceAsyncStub]"


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Upstreams]:
    """Channels to all services; they connect when first used, and again whenever they must."""
    async with AsyncExitStack() as stack:

        async def channel(address: str, service: str) -> grpc.aio.Channel:
            return await stack.enter_async_context(open_channel(address, service=service, tls=config.tls))

        yield Upstreams(
            inventory=InventoryServiceStub(await channel(config.inventory_address, "inventory")),
            credentials=CredentialsAdminServiceStub(await channel(config.credentials_address, "credentials")),
            sync={
                marketplace: SyncServiceStub(await channel(address, f"sync-{marketplace}"))
                for marketplace, address in config.sync_addresses.items()
            },
        )


class Behind:
    """The services behind, asked on behalf of one principal."""

    def __init__(self, upstreams: Upstreams, principal: Principal) -> None:
        self.inventory = upstreams.inventory
        self.credentials = upstreams.credentials
        self.marketplaces = tuple(upstreams.sync)
        self._sync = upstreams.sync
        self._principal = principal

    def sync(self, marketplace: str) -> "SyncServiceAsyncStub":
        """The sync service of a marketplace. Raises Problem (404) for one that there is none for."""
        try:
            return self._sync[marketplace]
        except KeyError:
            known = ", ".join(self._sync)
            detail = f"There is no such marketplace here; known: {known}."
            raise Problem(HTTPStatus.NOT_FOUND, "MARKETPLACE_NOT_FOUND", detail) from None

    async def ask(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Q, A]",
        request: Q,
        *,
        seconds: float = READ_SECONDS,
        attempts: int = _ATTEMPTS,
    ) -> A:
        """The answer, within so many seconds over all attempts. Raises Problem.

        The only layer that repeats calls. Each may be repeated: reads change nothing and commands carry a request_id;
        what is neither is asked in one of `attempts`.
        """
        metadata = self._metadata()
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        attempt = 1
        while True:
            try:
                return await method(request, metadata=metadata, timeout=deadline - clock())
            except grpc.aio.AioRpcError as error:
                pause = random.uniform(0.5, 1) * _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)  # noqa: S311  # spreads load
                last = attempt >= attempts or clock() + pause >= deadline
                facts = {"request": type(request).__name__, "code": error.code().name, "attempt": attempt}
                if error.code() is not grpc.StatusCode.UNAVAILABLE or last:
                    logger.info("a service refused or did not answer", extra=facts)
                    raise problem_of_call(error) from error
                logger.info("a service is not there, asking again", extra=facts)
            attempt += 1
            await asyncio.sleep(pause)

    async def stream(
        self, method: "grpc.aio.UnaryStreamMultiCallable[Q, A]", request: Q, *, seconds: float
    ) -> AsyncIterator[A]:
        """The answers as they come, all within so many seconds. Raises Problem; nothing is repeated."""
        call = method(request, metadata=self._metadata(), timeout=seconds)
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            facts = {"request": type(request).__name__, "code": error.code().name, "attempt": 1}
            logger.info("a service refused or did not answer", extra=facts)
            raise problem_of_call(error) from error
        finally:
            call.cancel()  # where nobody reads on, nobody needs to write on

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return outgoing_metadata(
            seller_id=self._principal.seller_id,
            actor=self._principal.actor,
            role=self._principal.role,
            correlation_id=correlation_id.get(),
        )


def behind_of(request: Request) -> Behind:
    """The services behind, for the principal that GuardedRoute found."""
    return Behind(request.app.state.upstreams, request.state.principal)


FromBehind = Annotated[Behind, Depends(behind_of)]
