"""A shop that shows another name than the connection's: what its owner says (rule W1)."""

from functools import partial
from typing import Final

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from servicekit.grpc_errors import InvalidField
from syncengine.answers import ChangedSinceError
from syncengine.budget import asked
from syncengine.recognise import ASKED, asked_again
from syncengine.rows.connection import ConnectionRow
from syncengine.service import words
from syncengine.service.asking import OWNERS, AskedTooOften, Context, Desk
from syncengine.store.protocol import Transaction

_CALLS: Final = 9
"""Whose it is, pages of orders and the list, then a census: the list, and twice the pages of orders."""


class ShopCalls(Desk):
    """Calls about whose shop it is."""

    async def AnswerShop(  # noqa: N802 - gRPC's name
        self, request: pb.AnswerShopRequest, context: Context
    ) -> pb.AnswerShopResponse:
        """Has the shop read again: a person's word that it is ours holds once something of ours is found there."""
        if request.answer not in (waiting_pb2.SHOP_ANSWER_SAME_SHOP, waiting_pb2.SHOP_ANSWER_LOOK_AGAIN):
            raise InvalidField("answer", "must say whether it is the same shop")
        return await self._once(request, OWNERS, pb.AnswerShopResponse, partial(self._answer_shop, request))

    async def _answer_shop(
        self, request: pb.AnswerShopRequest, tx: Transaction, connection: ConnectionRow
    ) -> pb.AnswerShopResponse:
        if connection.halted not in ASKED or request.shown_name != connection.shown_name:
            raise ChangedSinceError
        now, is_ours = self._clock.now(), request.answer == waiting_pb2.SHOP_ANSWER_SAME_SHOP
        counted = asked(connection, self._facts, self._settings, calls=_CALLS, now=now)
        if counted is None:
            raise AskedTooOften(words.ASKED_ENOUGH)
        await tx.save_connection(asked_again(counted, now, claims=is_ours))
        return pb.AnswerShopResponse(message=words.SHOP_RECOGNISED_NEXT if is_ours else words.SHOP_ASKED_NEXT)
