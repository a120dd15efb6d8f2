"""The services behind the gateway, in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import grpc

from brickops.credentials.v1 import credentials_admin_service_pb2_grpc as credentials_grpc
from brickops.inventory.v1 import inventory_service_pb2_grpc as inventory_grpc
from brickops.sync.v1 import sync_service_pb2_grpc as sync_grpc
from gateway.testing.answering import (
    ERRORS,
)
from gateway.testing.credentials import CredentialsFake
from gateway.testing.inventory import InventoryFake
from gateway.testing.sync import SyncFake
from servicekit.grpc_server import serving
from servicekit.mtls import TlsFiles


@dataclass(frozen=True)
class Services:
    """All services behind the gateway."""

    inventory: InventoryFake = field(default_factory=InventoryFake)
    credentials: CredentialsFake = field(default_factory=CredentialsFake)
    sync_bricklink: SyncFake = field(default_factory=SyncFake)

    @asynccontextmanager
    async def serving(self, *, addresses: dict[str, str], tls: dict[str, TlsFiles]) -> AsyncIterator[None]:
        """Serves each, by its name, at its address and with its certificate; only the gateway may call."""
        registered: dict[str, tuple[str, Callable[[grpc.aio.Server], None]]] = {
            "inventory": (
                "brickops.inventory.v1.InventoryService",
                lambda server: inventory_grpc.add_InventoryServiceServicer_to_server(self.inventory, server),
            ),
            "credentials": (
                "brickops.credentials.v1.CredentialsAdminService",
                lambda server: credentials_grpc.add_CredentialsAdminServiceServicer_to_server(self.credentials, server),
            ),
            "sync-bricklink": (
                "brickops.sync.v1.SyncService",
                lambda server: sync_grpc.add_SyncServiceServicer_to_server(self.sync_bricklink, server),
            ),
        }
        async with AsyncExitStack() as stack:
            for name, (service, register) in registered.items():
                allow = {service: frozenset({"gateway"})}
                running = serving(
                    listen=addresses[name], tls=tls[name], allow=allow, errors=ERRORS, register=register, grace=0
                )
                await (await stack.enter_async_context(running)).ready()
            yield
