"""A connection as a whole: what it does, agreeing, pausing, reading ahead of time, and a list that was not believed."""

from dataclasses import replace
from functools import partial
from typing import Final

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from servicekit.grpc_errors import InvalidField
from syncengine.answers import alarm_answered
from syncengine.budget import asked
from syncengine.listing import LotId, SellerId
from syncengine.rows.connection import CensusReason, ConnectionRow, list_wanted
from syncengine.service import words
from syncengine.service.asking import (
    EDITORS,
    OWNERS,
    AskedTooOften,
    Context,
    Desk,
    NothingToConfirm,
    after_of,
    cut,
    known,
    page_size,
    reader,
)
from syncengine.service.telling import connection_told
from syncengine.store.protocol import Transaction

_POLL_CALLS: Final = 1
_CENSUS_CALLS: Final = 5
"""The list, and twice the pages of orders."""


class ConnectionCalls(Desk):
    """Calls about a connection as a whole."""

    async def GetConnection(  # noqa: N802 - gRPC's names, here and below
        self, request: pb.GetConnectionRequest, context: Context
    ) -> pb.GetConnectionResponse:
        """Says what the connection does, or why it does nothing."""
        seller_id = reader()
        async with self._store.transaction() as tx:
            connection = await tx.find_connection(seller_id)
            return pb.GetConnectionResponse(connection=await self._told(tx, seller_id, connection))

    async def ListDifferences(  # noqa: N802
        self, request: pb.ListDifferencesRequest, context: Context
    ) -> pb.ListDifferencesResponse:
        """Lists the lots whose listing shows another quantity than it should."""
        seller_id, size = reader(), page_size(request.page_size)
        after = LotId(after_of(request.page_token))
        async with self._store.transaction() as tx:
            known(await tx.find_connection(seller_id))
            found = await tx.differences(seller_id, after=after or None, limit=size + 1)
        shown, token = cut(found, size, lambda one: one.lot_id)
        return pb.ListDifferencesResponse(
            differences=[
                pb.Difference(lot_id=one.lot_id, listing_id=one.listing_id, ours=one.ours, theirs=one.theirs)
                for one in shown
            ],
            next_page_token=token,
        )

    async def ConfirmConnection(  # noqa: N802
        self, request: pb.ConfirmConnectionRequest, context: Context
    ) -> pb.ConfirmConnectionResponse:
        """Agrees to the plan that waits, the first one or many removals (rules C2, B5)."""

        async def confirm(tx: Transaction, connection: ConnectionRow) -> pb.ConfirmConnectionResponse:
            now = self._clock.now()
            if connection.confirmed_at is None:
                if connection.census_reason is not None or connection.census_at is None:
                    raise NothingToConfirm("The shop has not been matched yet, so there is no plan to agree to.")
                connection = replace(connection, confirmed_at=now, due_at=now)
            elif connection.removals_held:
                connection = replace(connection, removals_agreed_at=now, removals_held=0, due_at=now)
            return pb.ConfirmConnectionResponse(connection=await self._saved(tx, connection))

        return await self._once(request, OWNERS, pb.ConfirmConnectionResponse, confirm)

    async def PauseConnection(  # noqa: N802
        self, request: pb.PauseConnectionRequest, context: Context
    ) -> pb.PauseConnectionResponse:
        """Stops writes: the next intent is written under the lock that this took, and finds the pause."""

        async def pause(tx: Transaction, connection: ConnectionRow) -> pb.PauseConnectionResponse:
            paused = replace(connection, paused_at=connection.paused_at or self._clock.now())
            return pb.PauseConnectionResponse(connection=await self._saved(tx, paused))

        return await self._once(request, OWNERS, pb.PauseConnectionResponse, pause)

    async def ResumeConnection(  # noqa: N802
        self, request: pb.ResumeConnectionRequest, context: Context
    ) -> pb.ResumeConnectionResponse:
        """Ends a pause."""

        async def resume(tx: Transaction, connection: ConnectionRow) -> pb.ResumeConnectionResponse:
            resumed = replace(connection, paused_at=None, due_at=self._clock.now())
            return pb.ResumeConnectionResponse(connection=await self._saved(tx, resumed))

        return await self._once(request, OWNERS, pb.ResumeConnectionResponse, resume)

    async def SyncNow(self, request: pb.SyncNowRequest, context: Context) -> pb.SyncNowResponse:  # noqa: N802
        """Brings the next order read, and a census if asked, forward (rule B3)."""
        return await self._once(request, EDITORS, pb.SyncNowResponse, partial(self._sync_now, request.compare))

    async def _sync_now(self, compare: bool, tx: Transaction, connection: ConnectionRow) -> pb.SyncNowResponse:
        now = self._clock.now()
        if connection.halted or (connection.not_before is not None and connection.not_before > now):
            return pb.SyncNowResponse(message=words.CANNOT_READ)
        if connection.census_reason is not None:
            return pb.SyncNowResponse(message=words.MATCHING_ALREADY)
        calls = _POLL_CALLS + (_CENSUS_CALLS if compare else 0)
        counted = asked(connection, self._facts, self._settings, calls=calls, now=now)
        if counted is None:
            return pb.SyncNowResponse(message=words.ASKED_ENOUGH)
        wanted = replace(counted, poll_at=now, due_at=now)
        if compare:
            wanted = list_wanted(wanted, now)
        await tx.save_connection(wanted)
        message = words.ORDERS_AND_LIST_NEXT if compare else words.ORDERS_NEXT
        return pb.SyncNowResponse(brought_forward=True, message=message)

    async def AnswerAlarm(  # noqa: N802
        self, request: pb.AnswerAlarmRequest, context: Context
    ) -> pb.AnswerAlarmResponse:
        """Has the shop read again, and takes a person's word for what it lacks (rule C5)."""
        if request.answer not in (waiting_pb2.ALARM_ANSWER_SHOP_IS_RIGHT, waiting_pb2.ALARM_ANSWER_LOOK_AGAIN):
            raise InvalidField("answer", "must say whether the shop is right")
        return await self._once(request, OWNERS, pb.AnswerAlarmResponse, partial(self._answer_alarm, request))

    async def _answer_alarm(
        self, request: pb.AnswerAlarmRequest, tx: Transaction, connection: ConnectionRow
    ) -> pb.AnswerAlarmResponse:
        now, is_right = self._clock.now(), request.answer == waiting_pb2.ALARM_ANSWER_SHOP_IS_RIGHT
        answered = alarm_answered(connection, request.alarm, request.missing, shop_is_right=is_right)
        counted = asked(answered, self._facts, self._settings, calls=_CENSUS_CALLS, now=now)
        if counted is None:
            raise AskedTooOften(words.ASKED_ENOUGH)
        await tx.save_connection(replace(counted, due_at=now))
        if not is_right:
            return pb.AnswerAlarmResponse(message=words.LOOK_AGAIN)
        begins = connection.census_reason not in (None, CensusReason.KEYS_REPLACED)
        return pb.AnswerAlarmResponse(message=words.FIRST_LIST_IS_RIGHT if begins else words.LIST_IS_RIGHT)

    async def _saved(self, tx: Transaction, connection: ConnectionRow) -> pb.Connection:
        await tx.save_connection(connection)
        return await self._told(tx, connection.seller_id, connection)

    async def _told(self, tx: Transaction, seller_id: SellerId, connection: ConnectionRow | None) -> pb.Connection:
        return await connection_told(
            tx, seller_id, connection, facts=self._facts, settings=self._settings, now=self._clock.now()
        )
