"""Pings of the marketplace, which anybody may send, and the address that they come to."""

import secrets
from dataclasses import replace
from typing import Final

from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.callers import require_role
from syncengine.listing import SellerId
from syncengine.pings import brought_forward
from syncengine.service.asking import OWNERS, Context, Desk, known

_TOKEN_BYTES: Final = 32


class PingCalls(Desk):
    """Calls about pings."""

    async def Ping(self, request: pb.PingRequest, context: Context) -> pb.PingResponse:  # noqa: N802 - gRPC's names
        """Brings a poll forward; says the same whether it named a connection or not."""
        async with self._store.transaction() as tx:
            for seller_id in await tx.pinged(token=request.token, shop_number=request.shop_number):
                connection = await tx.lock_connection(seller_id)
                planned = brought_forward(connection, self._facts, self._settings, self._clock.now())
                if planned != connection:
                    await tx.save_connection(planned)
        return pb.PingResponse()

    async def GetPingToken(  # noqa: N802
        self, request: pb.GetPingTokenRequest, context: Context
    ) -> pb.GetPingTokenResponse:
        """Gives the token that there is; the first question makes it."""
        seller_id = SellerId(require_role(*OWNERS).require_seller())
        async with self._store.transaction() as tx:
            known(await tx.find_connection(seller_id))
            connection = known(await tx.lock_connection(seller_id))
            if not connection.ping_token:
                connection = replace(connection, ping_token=secrets.token_urlsafe(_TOKEN_BYTES))
                await tx.save_connection(connection)
            return pb.GetPingTokenResponse(token=connection.ping_token)
