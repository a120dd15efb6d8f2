"""Lots that wait for a person, and what a person says about them."""

from dataclasses import replace
from functools import partial

from google.protobuf.field_mask_pb2 import FieldMask

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from servicekit.grpc_errors import InvalidField
from syncengine.answers import (
    MAY_BE_LINKED,
    UNLISTED,
    ChangedSinceError,
    left_out,
    listed_anew,
    listing_named,
    number_settled,
    ours_kept,
    tried_again,
)
from syncengine.listing import ListingId, LotId
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.saving import save_rows
from syncengine.service import words
from syncengine.service.asking import (
    EDITORS,
    Context,
    Desk,
    after_of,
    cut,
    known,
    page_size,
    reader,
    waiting_row,
    wake,
)
from syncengine.service.theirs import theirs_of
from syncengine.service.waiting import same_value, waiting_told
from syncengine.store.protocol import Transaction

_LOTS_AT_ONCE = 500


class WaitingCalls(Desk):
    """Calls about lots that wait for a person."""

    async def ListWaiting(  # noqa: N802 - gRPC's names, here and below
        self, request: pb.ListWaitingRequest, context: Context
    ) -> pb.ListWaitingResponse:
        """Lists them, by lot id."""
        seller_id, size = reader(), page_size(request.page_size)
        after = LotId(after_of(request.page_token))
        async with self._store.transaction() as tx:
            known(await tx.find_connection(seller_id))
            rows = await tx.listings_for_a_person(seller_id, reason=request.reason, after=after or None, limit=size + 1)
            shown, token = cut(rows, size, lambda row: row.lot_id)
            lots = [await waiting_told(tx, row, self._facts, self._lot_fields_of) for row in shown]
        return pb.ListWaitingResponse(lots=lots, next_page_token=token)

    async def GetWaiting(  # noqa: N802
        self, request: pb.GetWaitingRequest, context: Context
    ) -> pb.GetWaitingResponse:
        """Reads one of them."""
        seller_id = reader()
        async with self._store.transaction() as tx:
            known(await tx.find_connection(seller_id))
            row = await waiting_row(tx, seller_id, request.lot_id)
            return pb.GetWaitingResponse(lot=await waiting_told(tx, row, self._facts, self._lot_fields_of))

    async def Retry(self, request: pb.RetryRequest, context: Context) -> pb.RetryResponse:  # noqa: N802
        """Tries again what was parked."""
        if bool(request.lot_id) == bool(request.reason):
            raise InvalidField("reason", "or lot_id must be given, and not both")
        return await self._once(request, EDITORS, pb.RetryResponse, partial(self._retry, request))

    async def _retry(self, request: pb.RetryRequest, tx: Transaction, connection: ConnectionRow) -> pb.RetryResponse:
        seller_id, now, lots, after = connection.seller_id, self._clock.now(), 0, LotId("")
        if request.lot_id:
            rows = [await waiting_row(tx, seller_id, request.lot_id)]
        else:
            rows = list(
                await tx.listings_for_a_person(seller_id, reason=request.reason, after=None, limit=_LOTS_AT_ONCE)
            )
        while rows:
            parked = [row for row in rows if any(request.reason in ("", one.reason) for one in row.parked.values())]
            again = [tried_again(row, request.reason) for row in parked]
            await save_rows(tx, connection, again, self._facts, now)
            lots, after = lots + len(again), rows[-1].lot_id
            if request.lot_id or len(rows) < _LOTS_AT_ONCE:
                break
            rows = list(
                await tx.listings_for_a_person(seller_id, reason=request.reason, after=after, limit=_LOTS_AT_ONCE)
            )
        await wake(tx, seller_id, now)
        return pb.RetryResponse(lots=lots, message=words.TRIED_AGAIN if lots else words.NOTHING_TO_TRY)

    async def KeepOurs(self, request: pb.KeepOursRequest, context: Context) -> pb.KeepOursResponse:  # noqa: N802
        """Ends a conflict in our favour (rule S6)."""

        async def keep(tx: Transaction, connection: ConnectionRow) -> pb.KeepOursResponse:
            row = await waiting_row(tx, connection.seller_id, request.lot_id)
            conflict = row.conflicts.get(request.field)
            if conflict is None or not same_value(request.theirs, conflict.theirs):
                raise ChangedSinceError("The shop shows something else by now, or this was decided; read it again.")
            kept = ours_kept(row, request.field, conflict.theirs, self._facts)
            await self._save(tx, connection, kept)
            return pb.KeepOursResponse(message=words.OURS_KEPT)

        return await self._once(request, EDITORS, pb.KeepOursResponse, keep)

    async def TakeTheirs(  # noqa: N802
        self, request: pb.TakeTheirsRequest, context: Context
    ) -> pb.TakeTheirsResponse:
        """Says which change of the lot takes theirs; kept, so that a repeat says the same when the conflict is over."""

        async def take(tx: Transaction, connection: ConnectionRow) -> pb.TakeTheirsResponse:
            row = await waiting_row(tx, connection.seller_id, request.lot_id)
            conflict = row.conflicts.get(request.field)
            if conflict is None or not same_value(request.theirs, conflict.theirs):
                raise ChangedSinceError("The shop shows something else by now, or this was decided; read it again.")
            fields = theirs_of(row, request.field, self._lot_fields_of)
            if fields is None:
                raise InvalidField("answer", "cannot be theirs: no lot can be as the shop shows it")
            lot, paths = fields
            return pb.TakeTheirsResponse(lot=lot, mask=FieldMask(paths=paths), message=words.THEIRS_TAKEN)

        return await self._once(request, EDITORS, pb.TakeTheirsResponse, take)

    async def AnswerTrouble(  # noqa: N802
        self, request: pb.AnswerTroubleRequest, context: Context
    ) -> pb.AnswerTroubleResponse:
        """Takes what a person says about a lot in trouble as so."""
        asked = pb.AnswerTroubleRequest()
        asked.CopyFrom(request)
        asked.ClearField("lot_revision")  # whoever repeats the request may not know it any more
        answer = partial(self._answer, request)
        return await self._once(request, EDITORS, pb.AnswerTroubleResponse, answer, asked=asked)

    async def _answer(
        self, request: pb.AnswerTroubleRequest, tx: Transaction, connection: ConnectionRow
    ) -> pb.AnswerTroubleResponse:
        row = await waiting_row(tx, connection.seller_id, request.lot_id)
        if row.trouble is None or row.trouble != request.trouble:
            raise ChangedSinceError("The lot is no longer in this trouble; read it again.")
        now, answer = self._clock.now(), request.answer
        match answer:
            case waiting_pb2.TROUBLE_ANSWER_SHOP_IS_RIGHT if row.trouble is Trouble.NUMBER_UNEXPLAINED:
                if request.lot_revision < 1:  # a higher one than this may have come already
                    raise InvalidField("lot_revision", "must be the lot's after it was changed by the difference")
                row = number_settled(row, request.difference, now, awaited_revision=request.lot_revision)
                message = words.SHOP_IS_RIGHT
            case waiting_pb2.TROUBLE_ANSWER_OURS_IS_RIGHT if row.trouble is Trouble.NUMBER_UNEXPLAINED:
                row = number_settled(row, request.difference, now)
                message = words.OURS_IS_RIGHT
            case waiting_pb2.TROUBLE_ANSWER_THIS_LISTING if row.trouble in MAY_BE_LINKED:
                listing_id = ListingId(request.listing_id)
                await listing_named(tx, connection, row, listing_id, self._facts, self._settings, now)
                await wake(tx, connection.seller_id, now)
                return pb.AnswerTroubleResponse(message=words.THIS_LISTING)
            case waiting_pb2.TROUBLE_ANSWER_LIST_ANEW if row.trouble in UNLISTED:
                row = await listed_anew(
                    tx, row, [ListingId(seen) for seen in request.seen_listing_ids], self._facts, now
                )
                message = words.LIST_ANEW
            case waiting_pb2.TROUBLE_ANSWER_LEAVE_OUT if row.trouble in UNLISTED:
                row, message = left_out(row), words.LEFT_OUT
            case _:
                raise InvalidField("answer", "does not answer this trouble")
        await self._save(tx, connection, row)
        return pb.AnswerTroubleResponse(message=message)

    async def _save(self, tx: Transaction, connection: ConnectionRow, row: ListingRow) -> None:
        now = self._clock.now()
        await save_rows(tx, connection, [row], self._facts, now)
        await tx.save_connection(replace(connection, due_at=now))
